"""The files over the whole class: grades.csv and index.html, and no leftovers of students who are not in this run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from grader.assignment import Assignment
from grader.distribute import WriteError
from grader.model import Result
from grader.report import encode_grades, render_class, write_file

ANONYMOUS = "index-anonymous.html"


def publish(results: Sequence[Result], assignment: Assignment, out: Path, *, anonymous: bool = False) -> None:
    """Write the class's files, each atomically; raises WriteError. One without names only where it is asked for."""
    ids = {result.submission.id for result in results}
    try:
        for folder, suffix in (("results", ".json"), ("feedback", ".html")):
            for file in (out / folder).glob(f"*{suffix}"):
                if file.name.removesuffix(suffix) not in ids:
                    file.unlink()
        write_file(out / "grades.csv", encode_grades(results, assignment))
        write_file(out / "index.html", render_class(results, assignment))
        if anonymous:
            write_file(out / ANONYMOUS, render_class(results, assignment, anonymous=True))
        else:
            (out / ANONYMOUS).unlink(missing_ok=True)  # of an earlier run
    except OSError as error:
        raise WriteError(error) from None
