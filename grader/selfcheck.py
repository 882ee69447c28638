"""One notebook against the public checks only, for its author: no hidden case, no secret seed, words that help."""

from __future__ import annotations

from pathlib import Path

from grader.assignment import Assignment
from grader.errors import UsageError
from grader.model import Graded, NotebookFile, Submission
from grader.pipeline import grade, open_box, prepare

PUBLIC_SEED = "public"


def selfcheck(notebook: Path, assignment: Assignment) -> Graded:
    """Run the public checks; raises UsageError when there is no such file."""
    if not notebook.is_file():
        raise UsageError(f"{notebook}: there is no such notebook; save it, and give its path: make selfcheck NOTEBOOK=path")
    course = prepare(assignment, PUBLIC_SEED, public_only=True)
    with open_box(assignment) as box:
        box.start()
        return grade(Submission(notebook.stem, (NotebookFile(notebook.name, notebook),), notebook.name), course, box)


def all_passed(graded: Graded) -> bool:
    """Whether the self-check may say that all is well: nothing is wrong, and nothing could not be checked."""
    exercises = graded.result.exercises.values()
    right = graded.result.status == "graded" and all(exercise.verdict == "correct" for exercise in exercises)
    return right and not graded.unanswered
