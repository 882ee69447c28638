"""One submission from file to result, the stages in order: the file to read first.

    collect -> read -> extract -> run in the box -> judge -> mark -> Graded -> the same in the course's language

A student's mistake becomes part of the result; a failure of ours becomes `needs_attention`; a teacher's mistake has been raised
before the first submission is opened.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from grader import __version__
from grader.around_own import build_around_own
from grader.assignment import Assignment
from grader.checks.evidence import gather_evidence
from grader.collect import TooLargeError, read_file
from grader.errors import SandboxError
from grader.examine import examine, gather_notices
from grader.extract import Template, extract
from grader.handout import read_template
from grader.lattice import Lattice
from grader.lattice_cache import find_lattice
from grader.make_plan import make_plan
from grader.marks import mark_exercise
from grader.messages import join, say, text_of
from grader.model import (
    Attention,
    Evidence,
    ExerciseResult,
    Extraction,
    Graded,
    Notice,
    QuestionResult,
    Receipt,
    Result,
    Submission,
    SubmissionName,
)
from grader.plan import Plan
from grader.sandbox import Box, Demands
from grader.seed import digest_seed
from grader.translate import catalogue_of, word_graded

MOST_REFUSED = 3
"""Notebooks of one hand-in of which is said why they could not be graded, when another was."""


@dataclass(frozen=True, eq=False)
class Course:
    """An assignment made ready: what every submission of a run is graded with.

    `seed` is the secret's digest; `released` says that pages may show what hidden cases expect; `graded` is the time of the run.
    """

    assignment: Assignment
    plan: Plan
    lattice: Lattice
    template: Template
    seed: str
    released: bool = False
    graded: str = ""


@dataclass(frozen=True)
class Reading:
    """One file of a hand-in as read: its bytes, or why there are none."""

    source: str
    content: bytes
    problem: Attention | None = None


def prepare(assignment: Assignment, seed: str, *, released: bool = False, graded: str = "") -> Course:
    """Everything that is computed once per run; raises AssignmentError."""
    template = read_template(assignment)
    plan = make_plan(assignment, seed)
    lattice = find_lattice(plan, assignment, os.environ)
    return Course(assignment, plan, lattice, template, digest_seed(seed, assignment.digest), released, graded)


def demands_of(assignment: Assignment, *, allow_weaker: bool = False) -> Demands:
    """What an assignment asks of a box: its least strength, and that the reference is out of reach."""
    folder = assignment.folder.resolve()
    return Demands(assignment.sandbox, allow_weaker, private=(str(folder / "solution.py"), str(folder / "cases.py")))


def open_box(assignment: Assignment, demands: Demands | None = None) -> Box:
    """A box with the assignment's limits. Forbidden modules are stand-ins too: the rule on them is judged from the source."""
    inert = (*assignment.imports.inert, *assignment.imports.forbidden)
    return Box(assignment.limits, inert, demands or demands_of(assignment))


def read_files(submission: Submission, notebook_mb: int) -> Iterator[Reading]:
    """Every file of a hand-in, one at a time; what cannot be read says why."""
    for file in submission.files:
        try:
            yield Reading(file.source, read_file(file, notebook_mb))
        except TooLargeError as error:
            yield Reading(file.source, b"", Attention("too_large", text_of(error)))
        except OSError as error:
            problem = say("The file could not be read: {reason}.", reason=error.strerror or text_of(error))
            yield Reading(file.source, b"", Attention("unreadable_file", problem))


def digest_hand_in(readings: Iterable[Reading]) -> str:
    """One digest over the names and contents of all files."""
    digest = hashlib.sha256()
    for reading in readings:
        content = hashlib.sha256(reading.content).hexdigest() if reading.problem is None else reading.problem.code
        digest.update(f"{len(reading.source)} {reading.source} {content}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def grade(submission: Submission, course: Course, box: Box) -> Graded:
    """One submission's result; never raises for what a student handed in."""
    if submission.problem:
        return _ungraded(SubmissionName(submission.id, submission.source, ""), course, box, "", submission.problem)
    choices: list[Choice] = []

    def opened() -> Iterator[Reading]:
        for reading in read_files(submission, course.assignment.notebook_mb):
            choices.append(open_notebook(submission, reading, course.assignment, course.template))
            yield reading

    hand_in = digest_hand_in(opened())
    chosen = choose(choices)
    if chosen.extraction is None or chosen.problem:
        problem = chosen.problem or Attention("unreadable_file", say("The file could not be read."))
        return _ungraded(chosen.name, course, box, hand_in, problem, chosen.extraction)
    return _grade_notebook(chosen.name, chosen.extraction, course, box, hand_in, _several(choices, chosen))


@dataclass(frozen=True, eq=False)
class Choice:
    """One notebook of a hand-in, that may be the one to look at."""

    name: SubmissionName
    extraction: Extraction | None
    problem: Attention | None

    @property
    def worth(self) -> int:
        """How many exercises it defines; less than none when it cannot be graded, least of all when it cannot be read."""
        if self.extraction is None:
            return -2
        return -1 if self.problem else sum(piece.state == "defined" for piece in self.extraction.slices.values())


def open_notebook(submission: Submission, reading: Reading, assignment: Assignment, template: Template) -> Choice:
    """What a file that was read holds, or why it holds nothing."""
    if reading.problem:
        return Choice(SubmissionName(submission.id, reading.source, ""), None, reading.problem)
    extraction = extract(reading.content, assignment, template)
    digest = hashlib.sha256(reading.content).hexdigest()
    return Choice(SubmissionName(submission.id, reading.source, digest), extraction, extraction.problem)


def choose(choices: Sequence[Choice]) -> Choice:
    """The fullest notebook; of those that are as full, the first."""
    return max(choices, key=lambda choice: choice.worth)


def _several(choices: Sequence[Choice], chosen: Choice) -> tuple[Notice, ...]:
    """Which of several notebooks was graded, and why another could not be."""
    if len(choices) == 1:
        return ()
    refused = [join([one.name.source, one.problem.message], ": ") for one in choices if one.problem]
    message = say("The hand-in holds {count} notebooks; {name} was graded.", count=len(choices), name=chosen.name.source)
    return (Notice("several_notebooks", join([message, *refused[:MOST_REFUSED]], " ")),)


def _grade_notebook(
    name: SubmissionName, extraction: Extraction, course: Course, box: Box, hand_in: str, several: tuple[Notice, ...]
) -> Graded:
    try:
        heard, judgements = examine(
            course.plan, course.lattice, extraction, box.run, partial(build_around_own, course.plan, course.assignment, box),
        )
    except SandboxError as error:
        return _ungraded(name, course, None, hand_in, Attention("sandbox_failed", text_of(error)), extraction)
    exercises = {
        exercise: mark_exercise(judgement, course.assignment.exercises[exercise], course.assignment.slips)
        for exercise, judgement in judgements.items()
    }
    result = Result(
        schema=1, submission=name, status="graded", attention=(),
        score=round(sum(exercise.score for exercise in exercises.values()), 2), points=course.assignment.points,
        exercises=exercises, questions=_questions(course.assignment, extraction),
        notices=several + gather_notices(course.assignment, extraction, judgements), receipt=receipt_of(course, box, hand_in),
    )
    evidence = gather_evidence(
        course.plan, extraction.slices, {exercise: one.transcript for exercise, one in heard.items()},
        {exercise: one.replies for exercise, one in heard.items()},
        [exercise for exercise in heard if judgements[exercise].verdict == "incorrect"], released=course.released,
    )
    return word_graded(Graded(result, evidence), catalogue_of(course.assignment))


def _questions(assignment: Assignment, extraction: Extraction | None) -> dict[str, QuestionResult]:
    answers, pictures = (extraction.answers, extraction.pictures) if extraction else ({}, {})
    return {
        name: QuestionResult(answers.get(name, ""), None, question.points, "", dict(pictures.get(name, {})))
        for name, question in assignment.questions.items()
    }


def receipt_of(course: Course, box: Box | None, hand_in: str) -> Receipt:
    """What graded a hand-in of that digest; `box` is None when no box had to do with it."""
    digest = course.assignment.digest
    if box is None or not box.layers:
        return Receipt(__version__, digest, course.seed, hand_in, (), None, False, course.released, course.graded)
    return Receipt(__version__, digest, course.seed, hand_in, box.layers, box.level, box.is_weak, course.released, course.graded)


def _ungraded(
    name: SubmissionName, course: Course, box: Box | None, hand_in: str, problem: Attention, extraction: Extraction | None = None
) -> Graded:
    """A result that says why there are no marks, so that no one takes silence for a zero."""
    exercises: dict[str, ExerciseResult] = {}
    result = Result(
        schema=1, submission=name, status="needs_attention", attention=(problem,), score=None, points=course.assignment.points,
        exercises=exercises, questions=_questions(course.assignment, extraction),
        notices=extraction.notices if extraction else (), receipt=receipt_of(course, box, hand_in),
    )
    return word_graded(Graded(result, Evidence()), catalogue_of(course.assignment))


def give_up(submission: Submission, course: Course, code: str, message: str, box: Box | None = None) -> Graded:
    """The result of a submission that the harness could not finish."""
    name = SubmissionName(submission.id, submission.source, "")
    return _ungraded(name, course, box, "", Attention(code, message))
