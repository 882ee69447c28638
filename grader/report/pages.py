"""Views -> HTML. The only module that knows the templates; what it prints is escaped and cleaned wherever it came from."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from grader.assignment import Assignment
from grader.model import Graded, KillMatrix, Result, Survey
from grader.report.class_view import view_class
from grader.report.matrix_view import view_matrix
from grader.report.similar_view import view_similar
from grader.report.student_view import view_student
from grader.report.text import clean_text
from grader.report.wording import ENGLISH, Wording

FOLDER = Path(__file__).parent


def _finish(value: object) -> object:
    """The last thing that happens to every value a template places, before it is escaped."""
    return clean_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _spans(text: str) -> Markup:
    """A sentence with its `names` set as code; everything in it is cleaned and escaped first."""
    return Markup(re.sub(r"`([^`\n]{1,80})`", r"<code>\1</code>", str(escape(clean_text(text)))))  # noqa: S704  escaped here


def _style() -> str:
    """The one style sheet, without its comments and indents."""
    sheet = re.sub(r"/\*.*?\*/", "", (FOLDER / "style.css").read_text(encoding="utf-8"), flags=re.DOTALL)
    return "\n".join(line.strip() for line in sheet.splitlines() if line.strip())


STYLE = _style()
POLICY = "; ".join((
    "default-src 'none'",
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'",
    "img-src data:", "base-uri 'none'", "form-action 'none'",
))

_environment = Environment(
    loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, finalize=_finish,
    trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
)
_environment.filters["spans"] = _spans
_environment.globals.update(style=Markup(STYLE), policy=POLICY)  # noqa: S704  our own file
_STUDENT = _environment.get_template("student.html.j2")
_CLASS = _environment.get_template("class.html.j2")
_MATRIX = _environment.get_template("matrix.html.j2")
_SIMILAR = _environment.get_template("similar.html.j2")


def render_student(graded: Graded, assignment: Assignment, words: Wording = ENGLISH) -> str:
    """One student's page: complete in itself, without script."""
    return _STUDENT.render(view=view_student(graded, assignment, words))


def render_matrix(matrix: KillMatrix, problems: Sequence[str], assignment: Assignment, words: Wording = ENGLISH) -> str:
    """The page of `verify`."""
    return _MATRIX.render(view=view_matrix(matrix, problems, assignment, words))


def render_similar(survey: Survey, assignment: Assignment, words: Wording = ENGLISH) -> str:
    """The page of `similar`, for the instructor alone."""
    return _SIMILAR.render(view=view_similar(survey, assignment, words))


def render_class(results: Sequence[Result], assignment: Assignment, words: Wording = ENGLISH) -> str:
    """The instructor's page; it links to feedback/<id>.html."""
    return _CLASS.render(view=view_class(results, assignment, words))
