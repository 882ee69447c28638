"""Views -> HTML. The only module that knows the templates; what it prints is escaped and cleaned wherever it came from."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence, Set
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from grader.assignment import Assignment
from grader.model import Graded, KillMatrix, Result, Survey
from grader.report.anonymous import anonymise
from grader.report.class_view import view_class
from grader.report.languages import words_for
from grader.report.matrix_view import view_matrix
from grader.report.rows import place_lines, place_matrix, place_numbers
from grader.report.similar_view import view_similar
from grader.report.student_view import view_student
from grader.report.text import clean_text
from grader.report.wording import Wording

FOLDER = Path(__file__).parent
GENERATOR = '<meta name="generator" content="grader">'
"""By which a page of ours is known."""
COMPARED = '<meta name="compared" content="'
"""What stands before the digest of a class on the page of what is much alike in it."""


def _finish(value: object) -> object:
    """The last thing that happens to every value a template places, before it is escaped."""
    if type(value) is Markup or not isinstance(value, str):
        return value
    return value if value.isascii() and value.isprintable() else clean_text(value)  # the first as there; a call saved


def _spans(text: str) -> Markup:
    """A sentence with its `names` set as code; everything in it is cleaned and escaped first."""
    return Markup(re.sub(r"`([^`\n]{1,80})`", r"<code>\1</code>", str(escape(clean_text(text)))))  # noqa: S704  escaped here


def _style() -> str:
    """The one style sheet, without its comments and indents."""
    sheet = re.sub(r"/\*.*?\*/", "", (FOLDER / "style.css").read_text(encoding="utf-8"), flags=re.DOTALL)
    return "\n".join(line.strip() for line in sheet.splitlines() if line.strip())


def _digest(text: str) -> str:
    """How a policy names a text that it allows (Content Security Policy Level 3, 6.7.3.3)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


STYLE = _style()
SCRIPT = (FOLDER / "class.js").read_text(encoding="utf-8")
POLICY = "; ".join((
    "default-src 'none'", f"style-src {_digest(STYLE)}", "img-src data:", "base-uri 'none'", "form-action 'none'",
))
SCRIPT_POLICY = f"{POLICY}; script-src {_digest(SCRIPT)}"
"""The class page's: it holds names and messages of students, and one script of ours."""

_environment = Environment(
    loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, finalize=_finish,
    trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, auto_reload=False,
)
_environment.filters.update(spans=_spans, place_lines=place_lines, place_matrix=place_matrix, place_numbers=place_numbers)
_environment.globals.update(
    style=Markup(STYLE), script=Markup(SCRIPT), generator=Markup(GENERATOR), compared=Markup(COMPARED),  # noqa: S704  our own files
    policy=POLICY, script_policy=SCRIPT_POLICY,
)
_STUDENT = _environment.get_template("student.html.j2")
_CLASS = _environment.get_template("class.html.j2")
_MATRIX = _environment.get_template("matrix.html.j2")
_SIMILAR = _environment.get_template("similar.html.j2")


def render_student(graded: Graded, assignment: Assignment, words: Wording | None = None) -> str:
    """One student's page: complete in itself, without script. `words`, here and below, are by default the assignment's."""
    return _STUDENT.render(view=view_student(graded, assignment, words or words_for(assignment.lang)))


def render_matrix(matrix: KillMatrix, problems: Sequence[str], assignment: Assignment, words: Wording | None = None) -> str:
    """The page of `verify`."""
    return _MATRIX.render(view=view_matrix(matrix, problems, assignment, words or words_for(assignment.lang)))


def render_similar(
    survey: Survey, assignment: Assignment, words: Wording | None = None, *, pages: Set[str] = frozenset(),
) -> str:
    """The page of `similar`, for the instructor alone; it links to the pages of the students in `pages`, by id."""
    return _SIMILAR.render(view=view_similar(survey, assignment, words or words_for(assignment.lang), pages))


def compared_class(page: bytes) -> str:
    """The digest of the class that a page of `similar` is of, from how it begins; "" when it is none."""
    found = re.search(rf'{COMPARED}([0-9a-f]{{64}})"'.encode(), page)
    return found[1].decode() if found else ""


def render_class(
    results: Sequence[Result], assignment: Assignment, words: Wording | None = None, *, left_out: Sequence[str] = (),
    anonymous: bool = False, similar: str = "",
) -> str:
    """The instructor's page; it links to feedback/<id>.html, or, `anonymous`, to nobody, and to `similar` where there is one."""
    words = words or words_for(assignment.lang)
    results = anonymise(results, words) if anonymous else results
    return _CLASS.render(view=view_class(results, assignment, words, left_out, similar))
