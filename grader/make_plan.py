"""Assignment -> Plan: the cases drawn, the reference asked for every expected tensor, once per run.

The reference is called here and nowhere else. What a later exercise's reference asks of an earlier exercise's function is
recorded, so that the judge can compose the expected result again from a student's own earlier answers.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from grader.assignment import Assignment
from grader.errors import AssignmentError, where_raised
from grader.lay_plan import lay_plan, make_generator
from grader.model import Answer, Argument, Case, Invocation, Property
from grader.plan import Plan, differs

ALWAYS_CHECKED = ("contract.returns", "contract.inputs_unchanged", "contract.repeatable", "source.imports")


def make_plan(assignment: Assignment, seed: str, *, public_only: bool = False) -> Plan:
    """Draw the cases from `seed`, call the reference on each; raises AssignmentError where the teacher's files do not fit."""
    cases = _call_builder(assignment, "cases", make_generator(seed, "cases"))
    _check_cases(assignment, cases)
    properties = [*_own_properties(assignment, seed), *_relations(assignment, seed, cases)]
    examples = _call_builder(assignment, "examples") if hasattr(assignment.cases, "examples") else {}
    _check_examples(assignment, examples)
    if public_only:
        cases = {name: only_public(group) for name, group in cases.items()}
        properties = [relation for relation in properties if relation.visibility == "public"]
    else:
        _check_marks(assignment, cases, properties)
    parameters = {name: tuple(inspect.signature(getattr(assignment.solution, name)).parameters) for name in assignment.exercises}
    plan = lay_plan(assignment, cases, properties, examples, parameters, partial(_ask_and_record, assignment), seed)
    _check_properties(assignment, plan)
    return replace(plan, reference=Solution(assignment))


def only_public(cases: Sequence[Case]) -> list[Case]:
    """The cases that students may see."""
    return [case for case in cases if case.visibility == "public"]


def _own_properties(assignment: Assignment, seed: str) -> list[Property]:
    if not hasattr(assignment.cases, "properties"):
        return []
    found = _call_builder(assignment, "properties", make_generator(seed, "properties"))
    _check_relations(assignment, assignment.folder / "cases.py", found)
    return list(found)


def _relations(assignment: Assignment, seed: str, cases: Mapping[str, Sequence[Case]]) -> list[Property]:
    """Those that the hand-out publishes."""
    if assignment.relations is None:
        return []
    file = Path(str(assignment.relations.__file__))
    published = {name: public[0].arguments for name, group in cases.items() if (public := only_public(group))}
    try:
        found = assignment.relations.relations(make_generator(seed, "relations"), published)
    except Exception as error:
        raise AssignmentError(file, where_raised(error, file) or "relations", f"relations raised {type(error).__name__}: {error}",
                              "mend the line it names") from error
    _check_relations(assignment, file, found)
    return list(found)


def _ask_and_record(assignment: Assignment, call: Invocation) -> tuple[Answer, tuple[Invocation, ...]]:
    """The reference's answer, and what it asked of earlier exercises on its way."""
    with _recorded(assignment, assignment.exercises[call.function].builds_on) as parts:
        answer = _ask_reference(assignment, call.function, call.arguments)
    return answer, tuple(parts)


def _check_properties(assignment: Assignment, plan: Plan) -> None:
    """A property that the reference itself breaks is a mistake where it is defined."""
    for exercise in plan.exercises.values():
        for planned in exercise.properties:
            relation = planned.property
            file = Path(relation.compare.__code__.co_filename) if inspect.isfunction(relation.compare) else assignment.folder
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


def _check_cases(assignment: Assignment, cases: Any) -> None:
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


def _check_relations(assignment: Assignment, file: Path, properties: Any) -> None:
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
                 *(f"property.{relation.id}" for relation in properties
                   if relation.exercise == name and not relation.advice)]
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


def _copy(argument: Argument) -> Argument:
    return argument.copy() if isinstance(argument, np.ndarray) else argument
