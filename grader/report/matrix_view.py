"""KillMatrix -> view: which check catches which slip, a table for each exercise with its checks numbered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grader.assignment import Assignment
from grader.model import KillMatrix, KillRow
from grader.report.wording import Wording


@dataclass(frozen=True)
class SlipRow:
    """One slip: for each check whether it catches it, and what the slip was named."""

    slip: str
    title: str
    caught: tuple[bool, ...]
    named: str
    problem: str


@dataclass(frozen=True)
class ExerciseMatrix:
    """One exercise's table; `checks` is the legend of its columns."""

    title: str
    anchor: str
    checks: tuple[str, ...]
    rows: tuple[SlipRow, ...]


@dataclass(frozen=True)
class MatrixView:
    """The page of `verify`."""

    words: Wording
    page_title: str
    title: str
    verdict: str
    problems: tuple[str, ...]
    exercises: tuple[ExerciseMatrix, ...]


def view_matrix(matrix: KillMatrix, problems: Sequence[str], assignment: Assignment, words: Wording) -> MatrixView:
    """The page's words and ticks; `problems` are all that verify found, the matrix's own among them."""
    exercises = tuple(
        ExerciseMatrix(assignment.exercises[name].title, f"part-{position}", checks,
                       tuple(_row(row, checks, assignment) for row in matrix.rows if row.exercise == name))
        for position, (name, checks) in enumerate(matrix.checks.items(), 1)
    )
    verdict = words.matrix_wrong if problems else words.matrix_right(len(matrix.slips()), len(matrix.rows))
    return MatrixView(words, f"{words.matrix}: {assignment.title}", assignment.title, verdict, tuple(problems), exercises)


def _row(row: KillRow, checks: Sequence[str], assignment: Assignment) -> SlipRow:
    title = assignment.slips[row.slip].title if row.slip in assignment.slips else ""
    return SlipRow(row.slip, title, tuple(check in row.caught_by for check in checks), ", ".join(row.named), row.problem)
