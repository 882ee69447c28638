"""The lattice: what every variant of an exercise returns on the plan's cases, laid out for a fast search. Data only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader.model import Array
from grader.plan import ExercisePlan, Plan

FEWEST_CALLS = 2
"""Answers that must agree with a variant's before it is named: one matrix may look like anything."""

RawAnswer = tuple[Array, ...]
"""What a function returned, in the declared order, whatever the shapes; fewer arrays where some were left out."""


@dataclass(frozen=True, eq=False)
class Entry:
    """One variant's slips and its answer to each call of the lattice: None where it raises, () where it is not finite."""

    slips: frozenset[str]
    on_earlier: bool
    answers: tuple[RawAnswer | None, ...]


@dataclass(frozen=True, eq=False)
class Shelf:
    """The first arrays of one shape that variants return for one call: a row each, with the row's own tolerance."""

    entries: NDArray[np.intp]
    rows: NDArray[np.float64]
    allowed: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ExerciseLattice:
    """All variants of one exercise, the one without slips too, on the calls `calls` (positions in its plan), and their shelves.

    A shelf holds the first arrays of one shape for one call; `silent` has the entries whose answer to it is not finite.
    """

    calls: tuple[int, ...]
    entries: tuple[Entry, ...]
    shelves: tuple[Mapping[tuple[int, ...], Shelf], ...]
    silent: tuple[frozenset[int], ...]


Lattice = Mapping[str, ExerciseLattice]


def calls_of(exercise: ExercisePlan) -> tuple[int, ...]:
    """The calls of an exercise that a lattice is laid out on: its cases, and its worked examples where there is but one case."""
    cases = [planned.call for planned in exercise.cases if planned.case.pays in ("value", "edge")]
    few = [planned.call for planned in exercise.examples] if len(cases) < FEWEST_CALLS else []
    return tuple(dict.fromkeys([*cases, *few]))


def assemble(plan: Plan, calls: tuple[int, ...], entries: Sequence[Entry]) -> ExerciseLattice:
    """Entries with their shelves."""
    shelves = tuple(_shelve(plan, entries, position) for position in range(len(calls)))
    silent = tuple(
        frozenset(index for index, entry in enumerate(entries) if entry.answers[position] == ()) for position in range(len(calls))
    )
    return ExerciseLattice(calls, tuple(entries), shelves, silent)


def _shelve(plan: Plan, entries: Sequence[Entry], position: int) -> Mapping[tuple[int, ...], Shelf]:
    by_shape: dict[tuple[int, ...], list[int]] = {}
    firsts: dict[int, Array] = {}
    for index, entry in enumerate(entries):
        answer = entry.answers[position]
        if answer:
            firsts[index] = answer[0]
            by_shape.setdefault(answer[0].shape, []).append(index)
    shelves = {}
    for shape, members in by_shape.items():
        rows = np.stack([firsts[index].ravel() for index in members])
        allowed = plan.assignment.tolerance.relative * np.maximum(np.abs(rows).max(axis=1, initial=0.0), 1e-6)
        shelves[shape] = Shelf(np.array(members), rows, allowed)
    return shelves
