"""Assignment -> Plan: the reference is asked for every expected tensor, once per run.

It is called here and nowhere else. What a later exercise's reference asks of an earlier exercise's function is recorded, so that
the judge can compose the expected result again from a student's own earlier answers.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.assignment import Assignment
from grader.errors import AssignmentError, where_raised
from grader.model import Answer, Argument, Case, Invocation, Property
from grader.plan import ExercisePlan, Plan, PlannedCase, PlannedExample, PlannedProperty, differs

REPEATS = 2
"""How often each call is made: "right only the first time" must show."""

ALWAYS_CHECKED = ("contract.returns", "contract.inputs_unchanged", "contract.repeatable", "source.imports")


def make_plan(assignment: Assignment, seed: str, *, public_only: bool = False) -> Plan:
    """Draw the cases from `seed`, call the reference on each; raises AssignmentError where the teacher's files do not fit."""
    cases = _call_builder(assignment, "cases", _generator(seed, "cases"))
    properties = _call_builder(assignment, "properties", _generator(seed, "properties"))
    examples = _call_builder(assignment, "examples") if hasattr(assignment.cases, "examples") else {}
    _check_cases(assignment, cases, properties)
    _check_examples(assignment, examples)
    if public_only:
        cases = {name: [case for case in group if case.visibility == "public"] for name, group in cases.items()}
        properties = [relation for relation in properties if relation.visibility == "public"]
    else:
        _check_marks(assignment, cases, properties)
    books = {name: _CallBook(assignment, name) for name in assignment.exercises}
    planned_cases = {
        name: tuple(PlannedCase(case, books[name].add(Invocation(name, case.arguments))) for case in cases[name])
        for name in assignment.exercises
    }
    planned_examples = {
        name: tuple(PlannedExample(one, books[name].add(Invocation(name, one.arguments))) for one in examples.get(name, []))
        for name in assignment.exercises
    }
    planned_properties = [
        PlannedProperty(relation, tuple((call.function, books[call.function].add(call)) for call in relation.calls))
        for relation in properties
    ]
    plan = Plan(assignment, {
        name: books[name].finish(
            planned_cases[name], tuple(p for p in planned_properties if p.property.exercise == name), planned_examples[name],
            _generator(seed, name),
        )
        for name in assignment.exercises
    }, Solution(assignment))
    _check_properties(assignment, plan)
    return plan


def _check_properties(assignment: Assignment, plan: Plan) -> None:
    """A property that the reference itself breaks is a mistake in cases.py."""
    file = assignment.folder / "cases.py"
    for exercise in plan.exercises.values():
        for planned in exercise.properties:
            relation = planned.property
            answers = [plan.exercises[name].expected[call] for name, call in planned.calls]
            try:
                pairs = list(relation.compare(answers))
                broken = [pair.label for pair in pairs if differs(pair.actual, pair.expected, plan.assignment)]
            except Exception as error:
                raise AssignmentError(file, where_raised(error, file) or f"property {relation.id!r}",
                                      f"compare raised {type(error).__name__}: {error}", "mend the line it names") from error
            if broken:
                raise AssignmentError(file, f"property {relation.id!r}", f"does not hold for the reference: {broken[0]}",
                                      "mend the property or the reference")


@dataclass(frozen=True, eq=False)
class Solution:
    """The teacher's solution.py as a plan's `Reference`."""

    assignment: Assignment

    def answer(self, call: Invocation) -> Answer:
        """See `plan.Reference`."""
        return _ask_reference(self.assignment, call.function, call.arguments)

    def compose(self, call: Invocation, answers: Sequence[Answer]) -> Answer | None:
        """See `plan.Reference`."""
        spec = self.assignment.exercises[call.function]
        given = iter(answers)

        def replay(name: str) -> Callable[..., Any]:
            names = [returned.name for returned in self.assignment.exercises[name].returns]

            def answer(*_: Argument) -> Any:
                known = next(given)
                values = tuple(known.get(key, np.asarray(np.nan)) for key in names)
                return values if len(values) > 1 else values[0]

            return answer

        with _replaced(self.assignment, {name: replay(name) for name in spec.builds_on}):
            try:
                with np.errstate(all="ignore"):
                    returned = getattr(self.assignment.solution, call.function)(*call.arguments)
            except Exception:  # a student's odd shapes may raise anything inside the reference
                return None
        values = returned if isinstance(returned, tuple) else (returned,)
        composed = {key.name: np.asarray(value) for key, value in zip(spec.returns, values, strict=True)}
        return {name: value for name, value in composed.items() if np.isfinite(value).all()}


class _CallBook:
    """Collects one exercise's distinct calls and asks the reference for each answer once."""

    def __init__(self, assignment: Assignment, name: str) -> None:
        self.assignment, self.name, self.spec = assignment, name, assignment.exercises[name]
        self.positions: dict[tuple[object, ...], int] = {}
        self.calls: list[Invocation] = []
        self.expected: list[Answer] = []
        self.parts: list[tuple[Invocation, ...]] = []

    def add(self, call: Invocation) -> int:
        """The position of this call, new or known."""
        key = tuple(_identity(argument) for argument in call.arguments)
        if key not in self.positions:
            self.positions[key] = len(self.calls)
            self.calls.append(call)
            with _recorded(self.assignment, self.spec.builds_on) as parts:
                self.expected.append(_ask_reference(self.assignment, self.name, call.arguments))
            self.parts.append(tuple(parts))
        return self.positions[key]

    def finish(
        self, cases: tuple[PlannedCase, ...], properties: tuple[PlannedProperty, ...], examples: tuple[PlannedExample, ...],
        rng: np.random.Generator,
    ) -> ExercisePlan:
        """The exercise's plan, its calls shuffled."""
        order = rng.permutation(np.repeat(np.arange(len(self.calls)), REPEATS))
        parameters = inspect.signature(getattr(self.assignment.solution, self.name)).parameters
        return ExercisePlan(
            self.name, self.spec, tuple(parameters), tuple(self.calls), tuple(self.expected), tuple(self.parts),
            tuple(int(position) for position in order), cases, properties, examples,
        )


@contextmanager
def _recorded(assignment: Assignment, names: Sequence[str]) -> Iterator[list[Invocation]]:
    """Write down each call that the reference makes to earlier exercises."""
    parts: list[Invocation] = []

    def record(name: str) -> Callable[..., Any]:
        original = getattr(assignment.solution, name)

        def recorded(*arguments: Argument) -> Any:
            parts.append(Invocation(name, tuple(_copy(argument) for argument in arguments)))
            return original(*arguments)

        return recorded

    with _replaced(assignment, {name: record(name) for name in names}):
        yield parts


@contextmanager
def _replaced(assignment: Assignment, functions: Mapping[str, Callable[..., Any]]) -> Iterator[None]:
    """Let the reference see other functions under the names of earlier exercises."""
    module = assignment.solution
    originals = {name: getattr(module, name) for name in functions}
    try:
        for name, function in functions.items():
            setattr(module, name, function)
        yield
    finally:
        for name, function in originals.items():
            setattr(module, name, function)


def _ask_reference(assignment: Assignment, name: str, arguments: Sequence[Argument]) -> Answer:
    """The reference's answer as named arrays; anything odd about it is the teacher's mistake."""
    file, specs = assignment.folder / "solution.py", assignment.exercises[name].returns
    try:
        returned = getattr(assignment.solution, name)(*(_copy(argument) for argument in arguments))
    except Exception as error:
        raise AssignmentError(file, where_raised(error, file) or name, f"{name} raised {type(error).__name__}: {error}",
                              "mend the reference, or the case in cases.py that it was given") from error
    values = returned if isinstance(returned, tuple) else (returned,)
    if len(values) != len(specs):
        raise AssignmentError(file, name, f"returned {len(values)} values; assignment.toml names {len(specs)}",
                              f"make both agree: exercises.{name}.returns")
    answer = {}
    for spec, value in zip(specs, values, strict=True):
        array = np.asarray(value)
        if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
            raise AssignmentError(file, name, f"{spec.name!r} is not an array of finite real numbers",
                                  "mend the reference, or the case in cases.py that it was given")
        if array.ndim != len(spec.axes.split()):
            raise AssignmentError(file, name, f"{spec.name!r} has {array.ndim} axes; assignment.toml says {spec.axes!r}",
                                  f"make both agree: exercises.{name}.returns")
        answer[spec.name] = array.astype(float)
    return answer


def _call_builder(assignment: Assignment, name: str, *rng: np.random.Generator) -> Any:
    file = assignment.folder / "cases.py"
    try:
        return getattr(assignment.cases, name)(*rng)
    except Exception as error:
        raise AssignmentError(file, where_raised(error, file) or name, f"{name} raised {type(error).__name__}: {error}",
                              "mend the line it names") from error


def _check_cases(assignment: Assignment, cases: Any, properties: Any) -> None:
    file = assignment.folder / "cases.py"
    if not isinstance(cases, dict) or set(cases) != set(assignment.exercises):
        raise AssignmentError(file, "cases", "does not return one list of cases for each exercise",
                              f"return a dict with the keys {', '.join(assignment.exercises)}")
    for name, group in cases.items():
        if not group or not all(isinstance(case, Case) for case in group):
            raise AssignmentError(file, f"cases[{name!r}]", "is not a list of Case", "give at least one grader.model.Case")
        ids = [case.id for case in group]
        if len(set(ids)) != len(ids):
            raise AssignmentError(file, f"cases[{name!r}]", "uses an id twice", "give each case an id of its own")
        for case in group:
            _check_arguments(file, f"case {case.id!r}", case.arguments)
    if not isinstance(properties, list) or not all(isinstance(relation, Property) for relation in properties):
        raise AssignmentError(file, "properties", "does not return a list of Property", "give grader.model.Property objects")
    for relation in properties:
        for function in (relation.exercise, *relation.relies_on, *(call.function for call in relation.calls)):
            if function not in assignment.exercises:
                raise AssignmentError(file, f"property {relation.id!r}", f"{function!r} is no exercise",
                                      f"choose from {', '.join(assignment.exercises)}")
        for call in relation.calls:
            _check_arguments(file, f"property {relation.id!r}", call.arguments)


def _check_examples(assignment: Assignment, examples: Any) -> None:
    file = assignment.folder / "cases.py"
    if not isinstance(examples, dict) or not set(examples) <= set(assignment.exercises):
        raise AssignmentError(file, "examples", "does not return lists of examples by exercise",
                              f"return a dict with keys from {', '.join(assignment.exercises)}")
    for name, group in examples.items():
        for example in group:
            _check_arguments(file, f"example {example.title!r}", example.arguments)
            expected = _ask_reference(assignment, name, example.arguments)
            for step, array in example.steps:
                if step in expected and differs(np.asarray(array, float), expected[step], assignment):
                    problem = f"its step {step!r} is not what the reference gives"
                    raise AssignmentError(file, f"example {example.title!r}", problem, "mend the step or the reference")


def _check_arguments(file: Any, key: str, arguments: Sequence[object]) -> None:
    for position, argument in enumerate(arguments):
        plain = isinstance(argument, np.ndarray) and argument.dtype.kind in "biufc"
        if not plain and not isinstance(argument, int | float):
            raise AssignmentError(file, key, f"argument {position + 1} is a {type(argument).__name__}",
                                  "give NumPy arrays of numbers, ints or floats")


def _check_marks(assignment: Assignment, cases: dict[str, list[Case]], properties: list[Property]) -> None:
    """Each check has a share, each share a check."""
    for name, spec in assignment.exercises.items():
        known = [*ALWAYS_CHECKED, *(f"values.{case.id}" for case in cases[name] if case.pays != "advice"),
                 *(f"property.{relation.id}" for relation in properties if relation.exercise == name)]
        file, key = assignment.folder / "assignment.toml", f"exercises.{name}.marks"
        for check in spec.marks:
            if check == "source.reuse" and spec.builds_on:  # the one check that an assignment need not have
                continue
            if check not in known:
                raise AssignmentError(file, f'{key}."{check}"', "is no check of this exercise",
                                      f"choose from {', '.join(known)}")
        for check in known:
            if check not in spec.marks:
                raise AssignmentError(file, f'{key}."{check}"', "is missing", "say what it pays; 0 is allowed")


def _identity(argument: Argument) -> object:
    if isinstance(argument, np.ndarray):
        return argument.dtype.str, argument.shape, argument.tobytes()
    return type(argument), argument


def _copy(argument: Argument) -> Argument:
    return argument.copy() if isinstance(argument, np.ndarray) else argument


def _generator(seed: str, purpose: str) -> np.random.Generator:
    """A stream of its own for each purpose, so that a new case does not move the others' data."""
    digest = hashlib.sha256(f"{purpose}\0{seed}".encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))
