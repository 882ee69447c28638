"""The plan: every call to make and every expected tensor, as data. make_plan.py draws one from a teacher's files; the students'
bundle carries a public one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from grader.model import Answer, Array, Case, Example, Invocation, Property
from grader.task import Exercise, Task


@dataclass(frozen=True, eq=False)
class PlannedCase:
    """A case and the position of its call."""

    case: Case
    call: int


@dataclass(frozen=True, eq=False)
class PlannedExample:
    """A worked example and the position of its call."""

    example: Example
    call: int


@dataclass(frozen=True, eq=False)
class PlannedProperty:
    """A property and, for each of its calls, the exercise and the position of the call in that exercise's plan."""

    property: Property
    calls: tuple[tuple[str, int], ...]


@dataclass(frozen=True, eq=False)
class ExercisePlan:
    """All that one exercise's function is asked: distinct calls, their expected answers, the order in which to make them.

    `parts[i]` are the calls to earlier exercises that the reference makes on its way through call i.
    """

    name: str
    spec: Exercise
    parameters: tuple[str, ...]
    calls: tuple[Invocation, ...]
    expected: tuple[Answer, ...]
    parts: tuple[tuple[Invocation, ...], ...]
    order: tuple[int, ...]
    cases: tuple[PlannedCase, ...]
    properties: tuple[PlannedProperty, ...]
    examples: tuple[PlannedExample, ...] = ()

    @cached_property
    def aside(self) -> frozenset[int]:
        """Calls that say nothing of form: those of advice alone, and worked examples, which are so small that shapes coincide."""
        advice = {planned.call for planned in self.cases if planned.case.pays == "advice"}
        advice |= self._calls_of_properties(advice=True) - self._calls_of_properties(advice=False)
        checked = {planned.call for planned in self.cases if planned.case.pays != "advice"}
        return frozenset(advice - checked | {planned.call for planned in self.examples})

    def _calls_of_properties(self, *, advice: bool) -> set[int]:
        wanted = (planned for planned in self.properties if bool(planned.property.advice) is advice)
        return {call for planned in wanted for name, call in planned.calls if name == self.name}

    @property
    def invocations(self) -> tuple[Invocation, ...]:
        """The calls in the order in which to make them, each REPEATS times."""
        return tuple(self.calls[index] for index in self.order)


class Reference(Protocol):
    """The teacher's functions, for questions that come up only once a student's answers are known."""

    def answer(self, call: Invocation) -> Answer:
        """What the reference answers to any call."""

    def compose(self, call: Invocation, answers: Sequence[Answer]) -> Answer | None:
        """The expected answer of a call on top of a student's own earlier answers, one for each of the call's parts.

        None when the reference cannot be composed from them, for example because what it asks depends on what it was told.
        """


@dataclass(frozen=True, eq=False)
class Plan:
    """What a run needs to know of an assignment; without a `reference` nothing is marked on top of a wrong earlier part."""

    assignment: Task
    exercises: Mapping[str, ExercisePlan]
    reference: Reference | None = None


def differs(actual: Array, expected: Array, assignment: Task) -> bool:
    """Whether two arrays differ beyond the tolerance, a share of the expected array's largest number; NaN differs from all."""
    if actual.shape != expected.shape:
        return True
    allowed = assignment.tolerance.relative * max(float(np.max(np.abs(expected), initial=0.0)), 1e-6)
    with np.errstate(all="ignore"):
        return not bool((np.abs(np.asarray(actual, dtype=float) - expected) <= allowed).all())
