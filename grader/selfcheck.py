"""One notebook against the public checks only, as students have them, but behind the walls that a course's machine has."""

from __future__ import annotations

from pathlib import Path

from grader.assignment import Assignment
from grader.errors import UsageError
from grader.pipeline import open_box
from grader.release import open_public
from grader.student.outcome import check_notebook
from grader.student.telling import Report, make_report


def selfcheck(notebook: Path, assignment: Assignment) -> Report:
    """Run the public checks and tell everything at once; raises UsageError when there is no such file."""
    if notebook.is_dir():
        raise UsageError(f"{notebook}: this is a folder; give a notebook in it: make selfcheck NOTEBOOK={notebook}/name.ipynb")
    try:
        content = notebook.read_bytes()
    except FileNotFoundError:
        raise UsageError(
            f"{notebook}: there is no such notebook; save it, and give its path: make selfcheck NOTEBOOK=path") from None
    except OSError as error:
        raise UsageError(f"{notebook}: {error.strerror}; give a notebook that can be read") from None
    course = open_public(assignment)
    with open_box(assignment) as box:
        box.start()
        outcome = check_notebook(content, course, box.run)
    return make_report(outcome, course.task, dict.fromkeys(outcome.exercises, "name"))
