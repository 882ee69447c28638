"""The teacher's hand-out, read; what is wrong with it is the teacher's mistake."""

from __future__ import annotations

from grader.assignment import Assignment
from grader.errors import AssignmentError
from grader.extract import Template, UnreadableError, read_handout


def read_template(assignment: Assignment) -> Template:
    """Read the hand-out that submissions are compared with; raises AssignmentError."""
    file = assignment.folder / "assignment.toml"
    try:
        template = read_handout(assignment.template.read_bytes(), assignment)
    except (OSError, UnreadableError) as error:
        raise AssignmentError(file, "template", f"{assignment.template.name}: {error}",
                              "name a notebook that Jupyter opens") from None
    for name in template.lacks:
        raise AssignmentError(file, f"exercises.{name}", f"the hand-out {assignment.template.name} does not define it",
                              "give the hand-out a stub")
    return template
