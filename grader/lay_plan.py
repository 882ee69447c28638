"""Cases, properties and worked examples -> Plan: equal calls found, each asked for its answer once, the order shuffled.

Who answers is the caller's: the reference, or a file that holds what it answered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from grader.model import Answer, Argument, Case, Example, Invocation, Property
from grader.plan import ExercisePlan, Plan, PlannedCase, PlannedExample, PlannedProperty
from grader.task import Exercise, Task

REPEATS = 2
"""How often each call is made: "right only the first time" must show."""

Ask = Callable[[Invocation], tuple[Answer, tuple[Invocation, ...]]]
"""Gives a call's expected answer, and the calls to earlier exercises that lead to it."""


def lay_plan(
    task: Task, cases: Mapping[str, Sequence[Case]], properties: Sequence[Property], examples: Mapping[str, Sequence[Example]],
    parameters: Mapping[str, tuple[str, ...]], ask: Ask, seed: str,
) -> Plan:
    """The plan of a task; `parameters` are the names of each function's, `seed` decides the order of calls."""
    books = {name: _CallBook(name, ask) for name in task.exercises}
    planned_cases = {
        name: tuple(PlannedCase(case, books[name].add(Invocation(name, case.arguments))) for case in cases[name])
        for name in task.exercises
    }
    planned_examples = {
        name: tuple(PlannedExample(one, books[name].add(Invocation(name, one.arguments))) for one in examples.get(name, []))
        for name in task.exercises
    }
    planned_properties = [
        PlannedProperty(relation, tuple((call.function, books[call.function].add(call)) for call in relation.calls))
        for relation in properties
    ]
    return Plan(task, {
        name: books[name].finish(
            task.exercises[name], parameters[name], planned_cases[name],
            tuple(one for one in planned_properties if one.property.exercise == name), planned_examples[name],
            make_generator(seed, name),
        )
        for name in task.exercises
    })


class _CallBook:
    """Collects one exercise's distinct calls and asks for each answer once."""

    def __init__(self, name: str, ask: Ask) -> None:
        self.name, self.ask = name, ask
        self.positions: dict[object, int] = {}
        self.calls: list[Invocation] = []
        self.expected: list[Answer] = []
        self.parts: list[tuple[Invocation, ...]] = []

    def add(self, call: Invocation) -> int:
        """The position of this call, new or known."""
        key = identify_call(call)
        if key not in self.positions:
            self.positions[key] = len(self.calls)
            answer, parts = self.ask(call)
            self.calls.append(call)
            self.expected.append(answer)
            self.parts.append(parts)
        return self.positions[key]

    def finish(
        self, spec: Exercise, parameters: tuple[str, ...], cases: tuple[PlannedCase, ...],
        properties: tuple[PlannedProperty, ...], examples: tuple[PlannedExample, ...], rng: np.random.Generator,
    ) -> ExercisePlan:
        """The exercise's plan, its calls shuffled."""
        order = rng.permutation(np.repeat(np.arange(len(self.calls)), REPEATS))
        return ExercisePlan(
            self.name, spec, parameters, tuple(self.calls), tuple(self.expected), tuple(self.parts),
            tuple(int(position) for position in order), cases, properties, examples,
        )


def identify_call(call: Invocation) -> object:
    """A key that calls share which are equal in every byte and dtype."""
    return call.function, tuple(_identity(argument) for argument in call.arguments)


def _identity(argument: Argument) -> object:
    if isinstance(argument, np.ndarray):
        return argument.dtype.str, argument.shape, argument.tobytes()
    return type(argument), argument


def make_generator(seed: str, purpose: str) -> np.random.Generator:
    """A stream of its own for each purpose, so that a new case does not move the others' data."""
    digest = hashlib.sha256(f"{purpose}\0{seed}".encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))
