"""Fingerprints of a class -> pairs that share enough of them -> clusters. Time grows with the class, not with its square.

Identical files count once, and are looked at as one. A k-gram that too many have proves nothing and is left out before
fingerprints are chosen, so that it cannot hide a rare one beside it. It also keeps every list of the inverted index short.
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, combinations

import numpy as np
from numpy.typing import NDArray

from grader.model import Cluster, Fragment, HandIn, Likeness, Survey
from grader.similar.reading import Given
from grader.similar.winnow import GRAM, fingerprints_of

SHARE, HANDFUL, MOST = 0.25, 5, 100
"""A k-gram is common when more than a quarter of the class has it and more than a handful, or more than MOST in any class."""

LEAST_SHARED, LEAST_SHARE = 15, 0.75
"""Fingerprints that two hand-ins must share, and the part of the smaller one's that this must be. Of the smaller: who adds to
what was taken over, or whose partner wrote more, is as much alike. Independent solutions of one task went up to 0.6."""

LONG_STRETCH = 60
"""Shared fingerprints that count whatever part they are, as when one long function of several is the same: 150 signs."""

LONG_ENOUGH = 60
"""Fingerprints that half of the class must have left. Of 400 independent solutions, each step in one of a few usual ways, 250
would be listed at 20, 39 at 33, 2 at 50 and none at 69 (`bench/similar.py`)."""

REMARKS = 40
"""Characters of comments of one's own from which code that is the same letter by letter says something."""

MOST_SHOWN = 60
"""Links whose shared lines are looked for, so that they can be laid side by side; the closest clusters come first."""

Place = tuple[int, int]
"""A cell and a line in it, both from 1."""


def survey(hand_ins: Sequence[HandIn], given: Given, *, even_short: bool = False) -> Survey:
    """Compare every hand-in with every other one; the order in which they come changes nothing."""
    hand_ins = sorted(hand_ins, key=lambda one: one.id)
    files = _groups(hand_ins, lambda one: one.sha256)
    different = [group[0] for group in files] + [one for one in hand_ins if not one.sha256]
    written = [one for one in different if one.fragments]
    most = max(HANDFUL, min(int(len(written) * SHARE), MOST))
    common, shared = _count(written, most)

    def counts(gram: int) -> bool:
        return gram not in given.grams and gram not in common

    prints = {one.id: _fingerprints(one, counts) for one in written}
    median = statistics.median(map(len, prints.values())) if prints else 0
    told_all = even_short or median >= LONG_ENOUGH
    same = {group[0].id: tuple(one.id for one in group) for group in files}
    exact = [*_same_files(files), *_same_letters(written, same)]
    clusters = _without(exact, _clusters(_pairs(prints, shared), same)) if told_all else []
    opened = _lay_open(clusters, counts, {one.id: one for one in written})
    return Survey(
        total=len(hand_ins), compared=sum(bool(one.fragments) for one in hand_ins), median=median, limit=LONG_ENOUGH,
        common=len(common), most=most, told_all=told_all, clusters=(*exact, *opened),
        hand_ins={one.id: one for one in hand_ins}, unread=tuple(one for one in hand_ins if one.problem),
    )


def _without(exact: Iterable[Cluster], clusters: Sequence[Cluster]) -> list[Cluster]:
    """Those of which more can be said than that they are the same."""
    known: dict[str, list[frozenset[str]]] = {}
    for cluster in exact:
        members = frozenset(cluster.members)
        for name in members:
            known.setdefault(name, []).append(members)
    return [one for one in clusters if not any(members.issuperset(one.members) for members in known.get(one.members[0], ()))]


def _groups(hand_ins: Iterable[HandIn], key: Callable[[HandIn], str]) -> list[list[HandIn]]:
    """Those with the same key together, in order; those without one are left out."""
    found: dict[str, list[HandIn]] = {}
    for one in hand_ins:
        if key(one):
            found.setdefault(key(one), []).append(one)
    return list(found.values())


def _same_files(files: Sequence[Sequence[HandIn]]) -> Iterator[Cluster]:
    for group in files:
        if len(group) > 1:
            yield Cluster("file", tuple(one.id for one in group))


def _same_letters(written: Sequence[HandIn], same: Mapping[str, tuple[str, ...]]) -> Iterator[Cluster]:
    """Code that is the same with all its comments, in files that are not. No task forces two people to the same sentence."""
    for group in _groups((one for one in written if one.remarks >= REMARKS), lambda one: one.letters):
        if len(group) > 1:
            yield Cluster("letters", _expand((one.id for one in group), same))


def _expand(ids: Iterable[str], same: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted(chain.from_iterable(same.get(one, (one,)) for one in ids)))


def _count(hand_ins: Sequence[HandIn], most: int) -> tuple[frozenset[int], frozenset[int]]:
    """The k-grams that more than so many hand-ins have, and those that at least two have but not so many.

    Sorted as machine words: of a large class there are millions, nearly all in one hand-in alone.
    """
    if not hand_ins:
        return frozenset(), frozenset()
    grams, counts = np.unique(np.concatenate([_grams(one) for one in hand_ins]), return_counts=True)
    some = (counts > 1) & (counts <= most)
    return frozenset(grams[counts > most].tolist()), frozenset(grams[some].tolist())


def _grams(hand_in: HandIn) -> NDArray[np.uint64]:
    """Each of a hand-in's k-grams once."""
    return np.unique(np.array([gram for fragment in hand_in.fragments for gram in fragment.grams], dtype=np.uint64))


def _fingerprints(hand_in: HandIn, counts: Callable[[int], bool]) -> frozenset[int]:
    """Of each statement on its own, so that the order of functions is of no account."""
    return frozenset(chain.from_iterable(fingerprints_of(fragment.grams, counts=counts) for fragment in hand_in.fragments))


def _pairs(prints: Mapping[str, frozenset[int]], shared: frozenset[int]) -> list[Likeness]:
    """All pairs that share enough, the strongest first; `shared` holds whatever two may have in common."""
    owners: dict[int, list[str]] = {}
    for name, marks in prints.items():
        for mark in marks & shared:
            owners.setdefault(mark, []).append(name)
    counts = Counter(pair for names in owners.values() for pair in combinations(names, 2))
    found = (Likeness(*pair, count, min(len(prints[one]) for one in pair)) for pair, count in counts.items())
    return sorted(filter(_is_enough, found), key=_strength)


def _is_enough(pair: Likeness) -> bool:
    return pair.shared >= LONG_STRETCH or (pair.shared >= LEAST_SHARED and pair.share >= LEAST_SHARE)


def _clusters(pairs: Sequence[Likeness], same: Mapping[str, tuple[str, ...]]) -> list[Cluster]:
    """What hangs together by pairs, as the strongest links that hold it together; the closest clusters first."""
    leader: dict[str, str] = {}
    links: dict[str, list[Likeness]] = {}

    def lead(name: str) -> str:
        while (above := leader.setdefault(name, name)) != name:
            leader[name] = leader[above]
            name = above
        return name

    for pair in pairs:
        first, second = lead(pair.first), lead(pair.second)
        if first != second:
            leader[second] = first
            links[first] = [*links.pop(first, []), *links.pop(second, []), pair]
    found = [
        Cluster("code", _expand({name for link in group for name in (link.first, link.second)}, same),
                tuple(sorted(group, key=_strength)))
        for group in links.values()
    ]
    return sorted(found, key=lambda cluster: (*_strength(cluster.links[-1]), cluster.members))


def _strength(link: Likeness) -> tuple[float, int, str, str]:
    """The strongest first."""
    return -link.share, -link.shared, link.first, link.second


def _lay_open(
    clusters: Iterable[Cluster], counts: Callable[[int], bool], hand_ins: Mapping[str, HandIn]
) -> Iterator[Cluster]:
    """The same clusters with the lines of the first links."""
    left = MOST_SHOWN
    for cluster in clusters:
        links = tuple(_with_lines(link, counts, hand_ins) for link in cluster.links[:left])
        left -= len(links)
        yield replace(cluster, links=(*links, *cluster.links[len(links):]))


def _with_lines(link: Likeness, counts: Callable[[int], bool], hand_ins: Mapping[str, HandIn]) -> Likeness:
    first, second = hand_ins[link.first].fragments, hand_ins[link.second].fragments
    return replace(link, opposite=_opposite(first, second, counts), back=_opposite(second, first, counts))


def _opposite(here: Sequence[Fragment], there: Sequence[Fragment], counts: Callable[[int], bool]) -> dict[Place, Place]:
    """For each line of which at least half of the tokens are shared, the line over there that has most of them."""
    places: dict[int, dict[tuple[int, int], None]] = {}
    for number, fragment in enumerate(there):
        for at, gram in enumerate(fragment.grams):
            places.setdefault(gram, {})[number, at] = None
    twins: defaultdict[Place, Counter[Place]] = defaultdict(Counter)
    tokens: Counter[Place] = Counter()
    shared: Counter[Place] = Counter()
    for fragment in here:
        tokens.update((fragment.cell, line) for line in fragment.lines)
        inside: set[int] = set()
        other, shift = -1, 0
        for at, gram in enumerate(fragment.grams):
            if gram in places and counts(gram):
                if (other, at + shift) not in places[gram]:  # of several places, the one that goes on where the last one was
                    other, start = next(iter(places[gram]))
                    shift = start - at
                inside.update(range(at, at + GRAM))
                for here_at in range(at, at + GRAM):
                    place = there[other].cell, there[other].lines[here_at + shift]
                    twins[fragment.cell, fragment.lines[here_at]][place] += 1
        shared.update((fragment.cell, fragment.lines[at]) for at in inside)
    return {line: votes.most_common(1)[0][0] for line, votes in sorted(twins.items()) if 2 * shared[line] >= tokens[line]}
