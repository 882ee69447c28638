"""The grader grades itself: the reference must earn full marks, the untouched hand-out none, through the whole pipeline."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.errors import AssignmentError, SandboxError
from grader.messages import say
from grader.model import NotebookFile, Result, Submission
from grader.pipeline import Course, grade, open_box
from grader.plan import ExercisePlan, Plan
from grader.sandbox import Box


@dataclass(frozen=True, eq=False)
class Trial:
    """One known hand-in, what it came to, and what is wrong with that ("" when it is as it must be)."""

    title: str
    result: Result
    problem: str


def try_reference(course: Course, box: Box) -> str:
    """Grade the reference in a box of a run's own, before anybody else; returns what it lacks, in words, or "".

    Raises AssignmentError where it does not get through the limits: no student would.
    """
    result = _grade_trial(fill_in(course), course, box)
    if result.status != "graded":
        raise SandboxError(result.attention[0].message)
    for name, exercise in result.exercises.items():
        if exercise.verdict in ("timeout", "memory", "crashed"):
            raise AssignmentError(course.assignment.folder / "assignment.toml", "limits",
                                  f"the reference's own {name} does not get through: {exercise.message}",
                                  "raise the limits, or mend solution.py; `verify` shows more")
    return _expect_full(result)


def verify(course: Course) -> list[Trial]:
    """Grade the known hand-ins; a trial's problem says where the assignment or the grader contradicts itself."""
    template = course.assignment.template.read_bytes()
    trials: list[tuple[str, bytes, Callable[[Result], str]]] = [
        (say("the reference solution"), fill_in(course), _expect_full),
        (say("the untouched hand-out"), template, _expect_nothing),
    ]
    with open_box(course.assignment) as box:
        box.start()
        results = [_grade_trial(content, course, box) for _, content, _ in trials]
    return [Trial(title, result, judge(result)) for (title, _, judge), result in zip(trials, results, strict=True)]


def check_texts(course: Course) -> list[str]:
    """What is wrong with the translation of the course's own texts: keys that nothing says, and texts without one."""
    texts, file = course.assignment.texts, f"texts.{course.assignment.lang}.toml"
    if texts is None:
        return []
    own = dict.fromkeys([*course.assignment.own_texts, *_texts_of_cases(course.plan)])
    strange = [say("{file}: no text of the course is {text}; correct its spelling, or take it out", file=file, text=repr(key))
               for key in texts if key not in own]
    return [*strange, *(say("{file}: lacks {text}", file=file, text=repr(text)) for text in own if text not in texts)]


def _texts_of_cases(plan: Plan) -> Iterator[str]:
    """What cases.py says to people."""
    for exercise in plan.exercises.values():
        for case in (planned.case for planned in exercise.cases):
            yield from (text for text in (case.title, case.advice) if text)
        for planned in exercise.properties:
            yield planned.property.advice or planned.property.title
            if planned.property.advice:
                continue
            answers = [plan.exercises[name].expected[call] for name, call in planned.calls]
            yield from (pair.label for pair in planned.property.compare(answers))
        yield from _texts_of_examples(exercise)


def _texts_of_examples(exercise: ExercisePlan) -> Iterator[str]:
    returned = {spec.name for spec in exercise.spec.returns}
    for example in (planned.example for planned in exercise.examples):
        yield example.title
        yield from (step for step, _ in example.steps if step not in returned)


def _grade_trial(content: bytes, course: Course, box: Box) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trial.ipynb"
        file.write_bytes(content)
        return grade(Submission("trial", (NotebookFile(file.name, file),), file.name), course, box).result


def fill_in(course: Course, more: str = "") -> bytes:
    """The hand-out as a notebook with the reference in place of its stubs, and `more` after it."""
    assignment = course.assignment
    notebook: dict[str, Any] = json.loads(assignment.template.read_bytes())
    source = (assignment.folder / "solution.py").read_text(encoding="utf-8")
    stubs = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"
             and any(f"def {name}(" in "".join(cell["source"]) for name in assignment.exercises)]
    if not stubs:
        raise AssignmentError(assignment.template, "", "has no cell that defines an exercise", "give the hand-out its stubs")
    for cell in stubs:
        cell["source"] = ""
    stubs[0]["source"] = f"{source}\n\n{more}"
    return json.dumps(notebook).encode()


def _expect_full(result: Result) -> str:
    if result.status != "graded":
        return result.attention[0].message
    for name, exercise in result.exercises.items():
        if exercise.verdict != "correct":
            return say("{name} is {verdict}: {message}", name=name, verdict=exercise.verdict, message=exercise.message)
    if result.score == result.points:
        return ""
    return say("it earns {score:g} of {points:g}", score=result.score or 0.0, points=result.points)


def _expect_nothing(result: Result) -> str:
    if result.status != "graded":
        return result.attention[0].message
    written = [name for name, exercise in result.exercises.items() if exercise.verdict != "missing"]
    if written:
        return say("{name} counts as written", name=written[0])
    return say("it earns {score:g}", score=result.score) if result.score else ""
