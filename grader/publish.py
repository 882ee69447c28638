"""The files over the whole class: grades.csv and index.html."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from grader.assignment import Assignment
from grader.distribute import WriteError
from grader.messages import word
from grader.model import Result
from grader.report import SIMILAR, encode_grades, render_class, write_file
from grader.target import is_compared
from grader.translate import catalogue_of

ANONYMOUS = "index-anonymous.html"


def publish(
    results: Sequence[Result], assignment: Assignment, out: Path, left_out: Sequence[str] = (), *, anonymous: bool = False
) -> None:
    """Write the class's files, each atomically; raises WriteError. One without names only where it is asked for.

    `left_out` names what was found beside the submissions: a student's work may be among it, under a wrong name.
    """
    names = [word(name, catalogue_of(assignment)) for name in left_out]
    similar = SIMILAR if is_compared(out, results) else ""
    try:
        write_file(out / "grades.csv", encode_grades(results, assignment))
        write_file(out / "index.html", render_class(results, assignment, left_out=names, similar=similar))
        if anonymous:
            write_file(out / ANONYMOUS, render_class(results, assignment, anonymous=True))
        else:
            (out / ANONYMOUS).unlink(missing_ok=True)  # of an earlier run
    except OSError as error:
        raise WriteError(error) from None
