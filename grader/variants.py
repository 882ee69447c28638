"""Plan -> Lattice: every variant of an exercise evaluated on the plan's cases, by itself or on top of a student's own part.

The teacher's misconceptions.py says which variants there are; nothing here knows what they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from grader.assignment import Assignment
from grader.errors import AssignmentError, where_raised
from grader.lattice import Entry, ExerciseLattice, Lattice, RawAnswer, assemble, calls_of
from grader.lay_plan import identify_call
from grader.model import Argument, Invocation, Variant
from grader.plan import ExercisePlan, Plan, differs


def build_lattice(plan: Plan, assignment: Assignment) -> Lattice:
    """Evaluate every variant of every exercise; {} for an assignment that declares none. Raises AssignmentError."""
    if assignment.misconceptions is None:
        return {}
    lattice = {}
    for name, exercise in plan.exercises.items():
        earlier = {part: getattr(assignment.solution, part) for part in exercise.spec.builds_on}
        lattice[name] = lay_out(plan, exercise, list_variants(assignment, name, earlier))
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


@cache
def list_parts(plan: Plan, assignment: Assignment, exercise: ExercisePlan) -> tuple[Invocation, ...]:
    """The calls to earlier exercises that variants on top of them make on the exercise's cases, each once."""
    parts: dict[object, Invocation] = {}

    def record(name: str) -> Callable[..., Any]:
        def recorded(*arguments: Argument) -> Any:
            call = Invocation(name, arguments)
            parts.setdefault(identify_call(call), call)
            return getattr(assignment.solution, name)(*arguments)

        return recorded

    lay_out(plan, exercise, _variants_on_top(assignment, exercise, {name: record(name) for name in exercise.spec.builds_on}))
    return tuple(parts.values())


def build_on_top(
    plan: Plan, assignment: Assignment, exercise: ExercisePlan, answers: Mapping[object, RawAnswer]
) -> ExerciseLattice:
    """The variants on top of a student's own earlier functions, of which `answers` holds what they gave (see `identify`)."""

    def replay(name: str) -> Callable[..., Any]:
        return lambda *arguments: answers[identify_call(Invocation(name, arguments))]

    earlier = {name: replay(name) for name in exercise.spec.builds_on}
    return lay_out(plan, exercise, _variants_on_top(assignment, exercise, earlier))


def _variants_on_top(
    assignment: Assignment, exercise: ExercisePlan, earlier: Mapping[str, Callable[..., Any]]
) -> list[Variant]:
    return [variant for variant in list_variants(assignment, exercise.name, earlier) if variant.on_earlier]


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
