"""Entries -> submissions, by the result contract's rule; what is not used is named, and a heavy hand-in costs only itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from grader.collect.entries import Entry
from grader.collect.names import distinct, natural_key, shown
from grader.messages import say
from grader.model import Attention, Submission

MOST_NOTEBOOKS = 100  # in one hand-in
MOST_BYTES = 256_000_000  # of several notebooks in one hand-in, unpacked
MOST_BYTES_IN_ALL = 10_000_000_000  # of all notebooks, unpacked

ASIDE = re.compile(
    r"(?i)(?<![a-z])(?:old|older|alt|copy|copie|kopie|copia|backup|bak|draft|test|tests|scratch|hand-?out|original)(?![a-z])")
"""What people call a notebook that is not the one they mean."""

NOT_FILES = ("folder", "link", "pipe", "socket", "device")


@dataclass(frozen=True, slots=True)
class HandIn:
    """One student's notebooks in the order in which they are tried, and what stands in a notebook's place."""

    name: str
    notebooks: Sequence[Entry]
    refused: Sequence[Entry]

    @property
    def weight(self) -> int:
        """Bytes to unpack at most."""
        return sum(entry.size for entry in self.notebooks)


def below_single_folder(entries: list[Entry]) -> list[Entry]:
    """A zip of one folder means the folder's content, when that folder holds more than one hand-in."""
    odd = ("outside", "long", "deep")
    notebooks = [entry for entry in entries if entry.is_notebook and not entry.litter and entry.kind not in odd]
    tops = {entry.parts[0] for entry in notebooks}
    if len(tops) != 1 or any(len(entry.parts) < 2 for entry in notebooks):
        return entries
    folders = {entry.parts[1] for entry in notebooks if len(entry.parts) > 2}
    if len(folders) + sum(len(entry.parts) == 2 for entry in notebooks) < 2:
        return entries
    return [
        replace(entry, parts=entry.parts[1:]) if len(entry.parts) > 1 and entry.parts[0] in tops else entry for entry in entries
    ]


def group(entries: Iterable[Entry]) -> tuple[list[HandIn], list[str]]:
    """The hand-ins in order of names, and the names of what belongs to none."""
    found: dict[tuple[str, str, int], list[Entry]] = {}
    others: list[Entry] = []
    litter: Counter[tuple[str, ...]] = Counter()
    same_name: Counter[str] = Counter()
    for entry in entries:
        if entry.litter:
            litter[entry.litter] += 1
        elif entry.is_notebook and len(entry.parts) == 1:  # two members of one name are two submissions
            same_name[entry.parts[0]] += 1
            found[entry.parts[0][:-len(".ipynb")], "file", same_name[entry.parts[0]]] = [entry]
        elif entry.is_notebook:
            found.setdefault((entry.parts[0], "folder", 0), []).append(entry)
        else:
            others.append(entry)
    others = _place_others(others, found)
    folders = {name for name, kind, _ in found if kind == "folder"}
    left_out = [entry.left_out for entry in others if entry.parts[0] not in folders or len(entry.parts) == 1]
    left_out += [_litter_line(parts, count) for parts, count in litter.items() if len(parts) == 1 or parts[0] not in folders]
    ordered = sorted(found.items(), key=lambda item: (natural_key(item[0][0]), item[0]))
    hand_ins = [_hand_in(name, there) for (name, _, _), there in ordered]
    return hand_ins, left_out + [entry.left_out for one in hand_ins for entry in one.refused[0 if one.notebooks else 1:]]


def _place_others(others: list[Entry], found: dict[tuple[str, str, int], list[Entry]]) -> list[Entry]:
    """What may hide a student's only notebook becomes a hand-in that says so; returns the rest."""
    with_notebooks = {name for name, kind, _ in found if kind == "folder"}
    rest = []
    for entry in others:
        if not entry.may_hide_notebooks or (entry.parts[0] in with_notebooks and len(entry.parts) > 1 and entry.kind != "closed"):
            rest.append(entry)
        else:
            kind = "file" if entry.kind == "link" else "folder"
            found.setdefault((entry.parts[0], kind, 0), []).append(entry)
    return rest


def _litter_line(parts: tuple[str, ...], count: int) -> str:
    return say("{name} ({count} hidden or left by a system)", name=shown("/".join(parts)), count=count)


def _hand_in(name: str, entries: list[Entry]) -> HandIn:
    """The likeliest first: none that its name calls old, the least deep, the newest name; of two that are the same, the later."""
    ordered = entries
    if len(entries) <= MOST_NOTEBOOKS:  # more are not tried at all
        ordered = sorted(entries, key=lambda entry: natural_key("/".join(entry.parts)[:-len(".ipynb")]))[::-1]
        ordered.sort(key=lambda entry: (bool(ASIDE.search("/".join(entry.parts[1:]))), len(entry.parts)))
    files = [entry for entry in ordered if entry.kind == "file"]
    return HandIn(name, files, [entry for entry in ordered if entry.kind != "file"])


def submissions(hand_ins: list[HandIn]) -> tuple[Submission, ...]:
    """One for each, with an id of its own; what cannot or must not be read carries the reason."""
    problems = [_problem(one) for one in hand_ins]
    left = sum(one.weight for one, problem in zip(hand_ins, problems, strict=True) if not problem)
    for index in sorted(range(len(hand_ins)), key=lambda index: hand_ins[index].weight, reverse=True):
        if left <= MOST_BYTES_IN_ALL:
            break
        if not problems[index]:
            reason = say("All notebooks are larger than {limit:,} MB, and these are the largest", limit=_mb(MOST_BYTES_IN_ALL))
            problems[index] = _too_large(reason)
            left -= hand_ins[index].weight
    ids = distinct(one.name for one in hand_ins)
    return tuple(_submission(*one) for one in zip(ids, hand_ins, problems, strict=True))


def _submission(name: str, one: HandIn, problem: Attention | None) -> Submission:
    source = (one.notebooks or one.refused)[0].name
    return Submission(name, () if problem else tuple(entry.file for entry in one.notebooks), source, problem)


def _problem(one: HandIn) -> Attention | None:
    if not one.notebooks:
        entry = one.refused[0]
        code = "not_a_file" if entry.kind in NOT_FILES else "too_large" if entry.kind == "bomb" else "unreadable_file"
        return Attention(code, entry.refusal)
    if len(one.notebooks) > MOST_NOTEBOOKS:
        return _too_large(say("{name} holds {count} notebooks, more than {most}",
                              name=shown(one.name), count=len(one.notebooks), most=MOST_NOTEBOOKS))
    if len(one.notebooks) > 1 and one.weight > MOST_BYTES:
        return _too_large(say("The notebooks of {name} are together larger than {limit:,} MB",
                              name=shown(one.name), limit=_mb(MOST_BYTES)))
    return None


def _too_large(reason: str) -> Attention:
    return Attention("too_large", say(
        "{reason}, so none was opened; the one to be graded has to be handed in alone, with its outputs cleared.", reason=reason))


def _mb(size: int) -> int:
    return size // 1_000_000
