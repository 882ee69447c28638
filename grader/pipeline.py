"""One submission from file to result, the stages in order: the file to read first.

    collect -> read -> extract -> run in the box -> judge -> mark -> Graded

A student's mistake becomes part of the result; a failure of ours becomes `needs_attention`; a teacher's mistake has been raised
before the first submission is opened.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from grader import __version__
from grader.assignment import Assignment, Slip
from grader.checks import Heard, judge, judge_carried, judge_unrun, parts_to_ask, why_not_run
from grader.checks.evidence import gather_evidence
from grader.collect import TooLargeError, read_file
from grader.errors import SandboxError
from grader.extract import Template, extract, read_template
from grader.lattice import Lattice
from grader.lattice_cache import find_lattice
from grader.marks import mark_exercise
from grader.model import (
    Attention,
    Evidence,
    ExerciseResult,
    Extraction,
    Graded,
    Invocation,
    Judgement,
    Notice,
    QuestionResult,
    Receipt,
    Result,
    Submission,
    SubmissionName,
    Transcript,
)
from grader.name_slips import name_slips
from grader.plan import Plan, make_plan
from grader.sandbox import Box


@dataclass(frozen=True, eq=False)
class Course:
    """An assignment made ready: what every submission of a run is graded with."""

    assignment: Assignment
    plan: Plan
    lattice: Lattice
    template: Template


def prepare(assignment: Assignment, seed: str, *, public_only: bool = False) -> Course:
    """Everything that is computed once per run; raises AssignmentError."""
    template = read_template(assignment)
    plan = make_plan(assignment, seed, public_only=public_only)
    return Course(assignment, plan, {} if public_only else find_lattice(plan, os.environ), template)


def open_box(assignment: Assignment) -> Box:
    """A box with the assignment's limits. Forbidden modules are stand-ins too: the rule on them is judged from the source."""
    return Box(assignment.limits, (*assignment.imports.inert, *assignment.imports.forbidden))


def grade(submission: Submission, course: Course, box: Box) -> Graded:
    """One submission's result; never raises for what a student handed in."""
    if submission.problem:
        return _ungraded(submission, course, box.layers, "", submission.problem)
    readable: list[tuple[str, str, Extraction]] = []
    problem = Attention("unreadable_file", "The file could not be read.")
    digest = ""
    for file in submission.files:
        try:
            content = read_file(file, course.assignment.notebook_mb)
        except TooLargeError as error:
            problem = Attention("too_large", str(error))
            continue
        except OSError as error:
            problem = Attention("unreadable_file", f"The file could not be read: {error.strerror or error}.")
            continue
        digest = hashlib.sha256(content).hexdigest()
        extraction = extract(content, course.assignment, course.template)
        if extraction.problem:
            problem = extraction.problem
        readable.append((file.source, digest, extraction))
    usable = [choice for choice in readable if not choice[2].problem]
    if not usable:
        return _ungraded(submission, course, box.layers, digest, problem, readable[0][2] if readable else None)
    chosen = max(usable, key=lambda choice: sum(piece.state == "defined" for piece in choice[2].slices.values()))
    return _grade_notebook(submission, course, box, chosen, len(submission.files))


def _grade_notebook(
    submission: Submission, course: Course, box: Box, chosen: tuple[str, str, Extraction], found: int
) -> Graded:
    source, digest, extraction = chosen
    name = SubmissionName(submission.id, source, digest)
    try:
        heard, judgements = _run_exercises(course.plan, extraction, box)
        judgements |= {exercise: name_slips(course.plan, course.lattice, exercise, heard, extraction, box) for exercise in heard}
    except SandboxError as error:
        return _ungraded(submission, course, box.layers, digest, Attention("sandbox_failed", str(error)), extraction)
    exercises = {
        exercise: mark_exercise(judgement, course.assignment.exercises[exercise], course.assignment.slips)
        for exercise, judgement in judgements.items()
    }
    result = Result(
        schema=1, submission=name, status="graded", attention=(),
        score=round(sum(exercise.score for exercise in exercises.values()), 2), points=course.assignment.points,
        exercises=exercises, questions=_questions(course.assignment, extraction),
        notices=_notices(course.assignment, extraction, judgements, source, found), receipt=_receipt(course, box.layers),
    )
    evidence = gather_evidence(
        course.plan, extraction.slices, {exercise: one.transcript for exercise, one in heard.items()},
        {exercise: one.replies for exercise, one in heard.items()},
        [exercise for exercise in heard if judgements[exercise].verdict == "incorrect"],
    )
    return Graded(result, evidence)


def _run_exercises(plan: Plan, extraction: Extraction, box: Box) -> tuple[dict[str, Heard], dict[str, Judgement]]:
    """Each exercise in a process of its own; a later one is marked on top of an earlier wrong one where that is due."""
    heard: dict[str, Heard] = {}
    judgements: dict[str, Judgement] = {}
    for name, exercise in plan.exercises.items():
        piece = extraction.slices[name]
        verdict = why_not_run(piece, plan)
        if verdict or piece.program is None:
            judgements[name] = judge_unrun(plan, name, piece, verdict or "missing")
            continue
        transcript = box.run(piece.program, exercise.invocations)
        one = judge(plan, name, piece, transcript, heard)
        asked = parts_to_ask(plan, name, piece, heard, one)
        if asked:
            one = judge_carried(plan, one, piece, heard, _ask_parts(asked, extraction, box))
        heard[name], judgements[name] = one, one.judgement
    return heard, judgements


def _ask_parts(
    asked: Mapping[str, Sequence[Invocation]], extraction: Extraction, box: Box
) -> dict[str, tuple[Sequence[Invocation], Transcript]]:
    programs = {name: extraction.slices[name].program for name in asked}
    return {
        name: (calls, box.run(program, calls)) for name, calls in asked.items() if (program := programs[name]) is not None
    }


def _questions(assignment: Assignment, extraction: Extraction | None) -> dict[str, QuestionResult]:
    answers = extraction.answers if extraction else {}
    return {
        name: QuestionResult(answers.get(name, ""), None, question.points, "") for name, question in assignment.questions.items()
    }


def _notices(
    assignment: Assignment, extraction: Extraction, judgements: Mapping[str, Judgement], source: str, found: int
) -> tuple[Notice, ...]:
    slips = assignment.slips
    several = [Notice("several_notebooks", f"The hand-in holds {found} notebooks; {source} was graded.")] if found > 1 else []
    return (
        *several, *extraction.notices, *(notice for one in judgements.values() for notice in one.notices),
        *_overrulable(judgements, slips), *_not_reused(extraction, judgements, assignment),
    )


def _overrulable(judgements: Mapping[str, Judgement], slips: Mapping[str, Slip]) -> Iterator[Notice]:
    """Named slips that a person may take for another convention."""
    for name, judgement in judgements.items():
        for slip in judgement.explanation.slips if judgement.explanation else ():
            if slips[slip].notice:
                yield Notice(slips[slip].notice, f"`{name}`: {slips[slip].title}. A person may overrule this mark.")


def _not_reused(extraction: Extraction, judgements: Mapping[str, Judgement], assignment: Assignment) -> Iterator[Notice]:
    """Exercises that are to be built on earlier ones and do without."""
    for name, judgement in judgements.items():
        for earlier in assignment.exercises[name].builds_on:
            ran = judgement.verdict in ("correct", "incorrect")
            if ran and earlier not in extraction.slices[name].uses:
                yield Notice("not_reused", f"`{name}` does not call your `{earlier}`, which the exercise asks to use.")


def _receipt(course: Course, layers: tuple[str, ...]) -> Receipt:
    return Receipt(__version__, course.assignment.digest, layers)


def _ungraded(
    submission: Submission, course: Course, layers: tuple[str, ...], digest: str, problem: Attention,
    extraction: Extraction | None = None,
) -> Graded:
    """A result that says why there are no marks, so that no one takes silence for a zero."""
    exercises: dict[str, ExerciseResult] = {}
    result = Result(
        schema=1, submission=SubmissionName(submission.id, submission.source, digest), status="needs_attention",
        attention=(problem,), score=None, points=course.assignment.points, exercises=exercises,
        questions=_questions(course.assignment, extraction), notices=extraction.notices if extraction else (),
        receipt=_receipt(course, layers),
    )
    return Graded(result, Evidence())


def give_up(submission: Submission, course: Course, code: str, message: str, layers: tuple[str, ...] = ()) -> Graded:
    """The result of a submission that the harness could not finish."""
    return _ungraded(submission, course, layers, "", Attention(code, message))
