"""Plan -> Lattice: what every variant of an exercise returns on the plan's cases, laid out for a fast search.

The teacher's misconceptions.py says which variants there are; nothing here knows what they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.assignment import Assignment, where_raised
from grader.errors import AssignmentError
from grader.model import Argument, Array, Invocation, Variant
from grader.plan import ExercisePlan, Plan, differs

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


def build_lattice(plan: Plan) -> Lattice:
    """Evaluate every variant of every exercise; {} for an assignment that declares none. Raises AssignmentError."""
    module = plan.assignment.misconceptions
    if module is None:
        return {}
    lattice = {}
    for name, exercise in plan.exercises.items():
        earlier = {part: getattr(plan.assignment.solution, part) for part in exercise.spec.builds_on}
        lattice[name] = lay_out(plan, exercise, list_variants(plan.assignment, name, earlier))
    return lattice


def list_variants(assignment: Assignment, exercise: str, earlier: Mapping[str, Callable[..., Any]]) -> list[Variant]:
    """The teacher's variants of an exercise; raises AssignmentError where they do not fit the catalogue of slips."""
    file = assignment.folder / "misconceptions.py"
    assert assignment.misconceptions is not None
    try:
        found = list(assignment.misconceptions.variants(exercise, earlier))
    except Exception as error:
        raise AssignmentError(file, where_raised(error, file), f"variants raised {type(error).__name__}: {error}",
                              "mend the line it names") from error
    for variant in found:
        unknown = sorted(variant.slips - set(assignment.slips))
        if unknown:
            raise AssignmentError(file, unknown[0], "is no slip of misconceptions.toml", f"add a table [slips.{unknown[0]}]")
    return found


def lay_out(plan: Plan, exercise: ExercisePlan, variants: Iterable[Variant]) -> ExerciseLattice:
    """Evaluate variants on the exercise's cases, and sort their first arrays by call and shape."""
    calls = calls_of(exercise)
    asked = [
        Entry(variant.slips, variant.on_earlier, tuple(_ask(variant, exercise, call) for call in calls)) for variant in variants
    ]
    right = [tuple(exercise.expected[call].values()) for call in calls]
    return assemble(plan, calls, [entry for entry in asked if not _is_right(plan, entry, right)])


def calls_of(exercise: ExercisePlan) -> tuple[int, ...]:
    """The calls of an exercise that a lattice is laid out on."""
    return tuple(dict.fromkeys(planned.call for planned in exercise.cases if planned.case.pays in ("value", "edge")))


def assemble(plan: Plan, calls: tuple[int, ...], entries: Sequence[Entry]) -> ExerciseLattice:
    """Entries with their shelves."""
    shelves = tuple(_shelve(plan, entries, position) for position in range(len(calls)))
    silent = tuple(
        frozenset(index for index, entry in enumerate(entries) if entry.answers[position] == ()) for position in range(len(calls))
    )
    return ExerciseLattice(calls, tuple(entries), shelves, silent)


@cache
def list_parts(plan: Plan, exercise: ExercisePlan) -> tuple[Invocation, ...]:
    """The calls to earlier exercises that variants on top of them make on the exercise's cases, each once."""
    parts: dict[object, Invocation] = {}

    def record(name: str) -> Callable[..., Any]:
        def recorded(*arguments: Argument) -> Any:
            call = Invocation(name, arguments)
            parts.setdefault(identify(call), call)
            return getattr(plan.assignment.solution, name)(*arguments)

        return recorded

    lay_out(plan, exercise, _variants_on_top(plan, exercise, {name: record(name) for name in exercise.spec.builds_on}))
    return tuple(parts.values())


def build_on_top(plan: Plan, exercise: ExercisePlan, answers: Mapping[object, RawAnswer]) -> ExerciseLattice:
    """The variants on top of a student's own earlier functions, of which `answers` holds what they gave (see `identify`)."""

    def replay(name: str) -> Callable[..., Any]:
        return lambda *arguments: answers[identify(Invocation(name, arguments))]

    return lay_out(plan, exercise, _variants_on_top(plan, exercise, {name: replay(name) for name in exercise.spec.builds_on}))


def _variants_on_top(plan: Plan, exercise: ExercisePlan, earlier: Mapping[str, Callable[..., Any]]) -> list[Variant]:
    return [variant for variant in list_variants(plan.assignment, exercise.name, earlier) if variant.on_earlier]


def identify(call: Invocation) -> object:
    """A key that equal calls share."""
    return call.function, tuple(
        (argument.shape, argument.tobytes()) if isinstance(argument, np.ndarray) else argument for argument in call.arguments
    )


def _ask(variant: Variant, exercise: ExercisePlan, call: int) -> RawAnswer | None:
    arguments = [argument.copy() if isinstance(argument, np.ndarray) else argument for argument in exercise.calls[call].arguments]
    try:
        with np.errstate(all="ignore"):
            returned = variant.function(*arguments)
    except Exception:  # a slip may well raise for some sizes, as it does for the student who makes it
        return None
    arrays = tuple(np.asarray(value, dtype=float) for value in (returned if isinstance(returned, tuple) else (returned,)))
    return arrays if all(np.isfinite(array).all() for array in arrays) else ()


def _is_right(plan: Plan, entry: Entry, right: Sequence[RawAnswer]) -> bool:
    """Whether slips that cancel each other out come to the reference's own answers."""
    return all(
        answer is not None and len(answer) == len(expected)
        and not any(differs(one, other, plan.assignment) for one, other in zip(answer, expected, strict=True))
        for answer, expected in zip(entry.answers, right, strict=True)
    )


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
