"""Survey -> `SimilarView`: which hand-ins are much alike, in words that accuse nobody, and their code side by side."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from markupsafe import Markup

from grader.assignment import Assignment
from grader.model import Cluster, HandIn, Likeness, Survey
from grader.report.code import view_code
from grader.report.links import StudentLink, digest_class, feedback_of
from grader.report.text import clean_line, shorten
from grader.report.wording import Wording

MOST_SHOWN = 60
"""Groups that are the same throughout whose code is shown, each of about 8 kB."""

MOST_NAMED = 5
"""Members of a group in its heading."""


@dataclass(frozen=True)
class SharedLine:
    """One line; `opposite` is the place of the same code on the other side, "" where it is not shared, `spoken` that in words."""

    number: int
    markup: Markup
    opposite: str = ""
    spoken: str = ""


@dataclass(frozen=True)
class SharedCode:
    """One piece of one side's code."""

    title: str
    label: str
    lines: tuple[SharedLine, ...]
    left_out: str


@dataclass(frozen=True)
class Side:
    """One hand-in's own code."""

    student: StudentLink
    source: str
    code: tuple[SharedCode, ...]


@dataclass(frozen=True)
class PairView:
    """Code to look at: of two hand-ins with how strong they are linked, or once where all are the same ("")."""

    strength: str
    sides: tuple[Side, ...]


@dataclass(frozen=True)
class GroupView:
    """Hand-ins that are alike: the first of them by name, `more` in words, and the `others`."""

    anchor: str
    kind: str
    students: tuple[StudentLink, ...]
    more: str
    others: tuple[StudentLink, ...]
    notes: tuple[str, ...]
    pairs: tuple[PairView, ...]
    not_shown: str


@dataclass(frozen=True)
class SimilarView:
    """The page of `similar`."""

    words: Wording
    page_title: str
    title: str
    compared: str
    summary: str
    warning: str
    groups: tuple[GroupView, ...]
    reading: tuple[str, ...]
    unread: tuple[tuple[StudentLink, str], ...]


def view_similar(survey: Survey, assignment: Assignment, words: Wording, pages: Set[str] = frozenset()) -> SimilarView:
    """Everything the page says; `pages` are the ids of hand-ins that have a page of their own beside it."""
    sides = _Sides(survey.hand_ins, pages, words)
    summary, *warning = tell_similar(survey, words)
    return SimilarView(
        words=words, page_title=words.similar_title(assignment.title), title=assignment.title,
        compared=digest_class((one.id, one.digest) for one in survey.hand_ins.values()), summary=summary,
        warning=" ".join(warning), groups=tuple(
            _group(number, cluster, sides) for number, cluster in enumerate(survey.clusters, 1)),
        reading=(words.similar_marks, words.similar_left_out(survey.common, survey.most), words.similar_blind),
        unread=tuple((sides.link(one.id), one.problem) for one in survey.unread),
    )


def tell_similar(survey: Survey, words: Wording) -> list[str]:
    """The page in a sentence, and a second one where the functions are too short to tell."""
    told = [words.similar_summary(survey.total, survey.compared, len(survey.clusters))]
    if survey.too_short:
        told.append(words.similar_too_short(survey.median, survey.limit, survey.told_all))
    return told


def _name(text: str) -> str:
    return shorten(clean_line(text), 120) or "–"


@dataclass(frozen=True)
class _Sides:
    """What every group of a page is shown with."""

    hand_ins: Mapping[str, HandIn]
    pages: Set[str]
    words: Wording

    def link(self, name: str) -> StudentLink:
        return StudentLink(_name(name), feedback_of(name) if name in self.pages else "")

    def pair(self, link: Likeness) -> PairView:
        strength = self.words.similar_strength(link.shared, link.fewer)
        return PairView(strength, (self.side(link.first, link.opposite), self.side(link.second, link.back)))

    def side(self, name: str, opposite: Mapping[tuple[int, int], tuple[int, int]]) -> Side:
        student, code = self.link(name), []
        for listing in self.hand_ins[name].listings:
            seen = view_code(listing, student.name, self.words)
            lines = tuple(
                _line(line.number, line.markup, opposite.get((listing.cell, line.number)), self.words) for line in seen.lines)
            code.append(SharedCode(seen.title, self.words.similar_code_of(student.name, listing.cell), lines, seen.left_out))
        return Side(student, _name(self.hand_ins[name].source), tuple(code))


def _group(number: int, cluster: Cluster, sides: _Sides) -> GroupView:
    members, words = tuple(sides.link(one) for one in cluster.members), sides.words
    notes = [note] if (note := words.similar_kind_notes.get(cluster.kind, "")) else []
    if cluster.links:
        weakest = cluster.links[-1]
        notes.append(words.similar_links(weakest.shared, weakest.fewer, len(cluster.links)))
        pairs = tuple(sides.pair(link) for link in cluster.links if link.opposite)
        hidden = len(cluster.links) - len(pairs)
    else:
        one = cluster.members[0]
        pairs = (PairView("", (sides.side(one, {}),)),) if sides.hand_ins[one].listings and number <= MOST_SHOWN else ()
        hidden = 0
    return GroupView(
        anchor=f"group-{number}", kind=words.similar_kinds[cluster.kind], students=members[:MOST_NAMED],
        more=words.similar_more(len(members) - MOST_NAMED) if len(members) > MOST_NAMED else "", others=members[MOST_NAMED:],
        notes=tuple(notes), pairs=pairs, not_shown=words.similar_not_shown(hidden) if hidden else "",
    )


def _line(number: int, markup: Markup, place: tuple[int, int] | None, words: Wording) -> SharedLine:
    if place is None:
        return SharedLine(number, markup)
    return SharedLine(number, markup, f"{place[0]}:{place[1]}", words.similar_opposite(*place))
