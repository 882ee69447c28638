"""Graded -> the same with every message in the course's language, as plain text. The one place where messages are worded.

Codes, ids, verdicts, names and what students wrote stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from grader.messages import Catalogue, word
from grader.messages.languages import CATALOGUES
from grader.model import (
    Attention,
    Check,
    Diagnosis,
    Evidence,
    ExerciseResult,
    Graded,
    KillMatrix,
    Listing,
    Notice,
    Picture,
    Result,
    WorkedExample,
)
from grader.task import Task

Put = Callable[[str], str]
"""A message in the course's language."""


def catalogue_of(task: Task) -> Catalogue:
    """What the grader's own messages are in an assignment's language."""
    return CATALOGUES[task.lang]


def word_graded(graded: Graded, catalogue: Catalogue) -> Graded:
    """One submission's result and evidence in a language."""
    put = partial(word, catalogue=catalogue)
    return replace(graded, result=_result(graded.result, put), evidence=_evidence(graded.evidence, put))


def word_exercise(exercise: ExerciseResult, catalogue: Catalogue) -> ExerciseResult:
    """One exercise's result in a language."""
    return _exercise(exercise, partial(word, catalogue=catalogue))


def word_notice(notice: Notice, catalogue: Catalogue) -> Notice:
    """One notice in a language."""
    return _notice(notice, partial(word, catalogue=catalogue))


def word_example(example: WorkedExample, catalogue: Catalogue) -> WorkedExample:
    """One worked example in a language."""
    return _example(example, partial(word, catalogue=catalogue))


def word_matrix(matrix: KillMatrix, catalogue: Catalogue) -> KillMatrix:
    """What is wrong with known slips, in a language."""
    return replace(matrix, rows=tuple(replace(row, problem=word(row.problem, catalogue)) for row in matrix.rows))


def _result(result: Result, put: Put) -> Result:
    return replace(
        result, attention=tuple(Attention(one.code, put(one.message)) for one in result.attention),
        exercises={name: _exercise(exercise, put) for name, exercise in result.exercises.items()},
        notices=tuple(_notice(notice, put) for notice in result.notices),
    )


def _notice(notice: Notice, put: Put) -> Notice:
    return replace(notice, message=put(notice.message))


def _exercise(exercise: ExerciseResult, put: Put) -> ExerciseResult:
    return replace(
        exercise, message=put(exercise.message), checks=tuple(_check(check, put) for check in exercise.checks),
        diagnoses=tuple(_diagnosis(diagnosis, put) for diagnosis in exercise.diagnoses),
    )


def _check(check: Check, put: Put) -> Check:
    return replace(check, title=put(check.title), message=put(check.message))


def _diagnosis(diagnosis: Diagnosis, put: Put) -> Diagnosis:
    return replace(diagnosis, title=put(diagnosis.title), hint=put(diagnosis.hint), idea=put(diagnosis.idea))


def _evidence(evidence: Evidence, put: Put) -> Evidence:
    return Evidence(
        {name: tuple(_listing(listing, put) for listing in listings) for name, listings in evidence.listings.items()},
        tuple(_picture(picture, put) for picture in evidence.pictures),
        {name: _example(example, put) for name, example in evidence.examples.items()},
    )


def _listing(listing: Listing, put: Put) -> Listing:
    return replace(listing, marks=tuple((line, put(message)) for line, message in listing.marks))


def _picture(picture: Picture, put: Put) -> Picture:
    return replace(picture, title=put(picture.title), rows=put(picture.rows), columns=put(picture.columns))


def _example(example: WorkedExample, put: Put) -> WorkedExample:
    return replace(example, title=put(example.title), steps=tuple((put(label), array) for label, array in example.steps))
