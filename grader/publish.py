"""The files over the whole class: grades.csv and index.html."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from grader.assignment import Assignment
from grader.distribute import WriteError
from grader.model import Result
from grader.report import encode_grades, render_class, write_file


def publish(results: Sequence[Result], assignment: Assignment, out: Path) -> None:
    """Write the class's files, each atomically; raises WriteError."""
    try:
        write_file(out / "grades.csv", encode_grades(results, assignment))
        write_file(out / "index.html", render_class(results, assignment))
    except OSError as error:
        raise WriteError(error) from None
