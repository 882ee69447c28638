"""Views -> HTML. The only module that knows the templates; what it prints is escaped and cleaned wherever it came from."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from grader.assignment import Assignment
from grader.model import Graded, KillMatrix, Result
from grader.report.class_view import view_class
from grader.report.heatmap import CellView
from grader.report.matrix_view import view_matrix
from grader.report.student_view import view_student
from grader.report.text import clean_text
from grader.report.wording import ENGLISH, Wording

FOLDER = Path(__file__).parent
_CELL = '<td class="%s" title="%s">%s</td>'
_DENSE_CELL = '<td class="%s" title="%s"><span class="sr">%s</span></td>'


def _finish(value: object) -> object:
    """The last thing that happens to every value a template places, before it is escaped."""
    if type(value) is Markup or not isinstance(value, str):
        return value
    return value if value.isascii() and value.isprintable() else clean_text(value)  # the first as there; a call saved


def _spans(text: str) -> Markup:
    """A sentence with its `names` set as code; everything in it is cleaned and escaped first."""
    return Markup(re.sub(r"`([^`\n]{1,80})`", r"<code>\1</code>", str(escape(clean_text(text)))))  # noqa: S704  escaped here


def _cells(cells: Iterable[CellView], dense: bool) -> Markup:
    """A matrix's row in one go, since half of what a page places are cells. They hold numbers: nothing has to be cleaned."""
    parts = iter(str(escape(" ".join(part for cell in cells for part in (cell.colour, cell.exact, cell.text)))).split(" "))
    cell = _DENSE_CELL if dense else _CELL
    return Markup("".join(cell % three for three in zip(parts, parts, parts, strict=True)))  # noqa: S704  escaped above


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
_environment.filters.update(spans=_spans, cells=_cells)
_environment.globals.update(style=Markup(STYLE), policy=POLICY)  # noqa: S704  our own file
_STUDENT = _environment.get_template("student.html.j2")
_CLASS = _environment.get_template("class.html.j2")
_MATRIX = _environment.get_template("matrix.html.j2")


def render_student(graded: Graded, assignment: Assignment, words: Wording = ENGLISH) -> str:
    """One student's page: complete in itself, without script."""
    return _STUDENT.render(view=view_student(graded, assignment, words))


def render_matrix(matrix: KillMatrix, problems: Sequence[str], assignment: Assignment, words: Wording = ENGLISH) -> str:
    """The page of `verify`."""
    return _MATRIX.render(view=view_matrix(matrix, problems, assignment, words))


def render_class(results: Sequence[Result], assignment: Assignment, words: Wording = ENGLISH) -> str:
    """The instructor's page; it links to feedback/<id>.html."""
    return _CLASS.render(view=view_class(results, assignment, words))
