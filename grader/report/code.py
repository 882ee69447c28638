"""A piece of a student's code -> lines of highlighted HTML, each with the messages that belong below it.

Comes in: a `Listing`. Goes out: `CodeView`, whose markup holds nothing but escaped text and span elements with a class.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup, escape
from pygments.lexers.python import PythonLexer  # type: ignore[import-untyped]
from pygments.token import Comment, Keyword, Literal, Name, Operator, _TokenType  # type: ignore[import-untyped]

from grader.model import Listing
from grader.report.text import clean_text, shorten
from grader.report.wording import Wording

LINES_SHOWN = 400
LINE_WIDTH = 500

_LEXER = PythonLexer(stripnl=False, ensurenl=True)
_CLASSES: dict[_TokenType, str] = {
    Comment: "c", Keyword: "k", Operator.Word: "k", Literal.String: "s", Literal.Number: "m", Name.Builtin: "b",
    Name.Function: "f", Name.Class: "f", Name.Decorator: "f",
}


@dataclass(frozen=True)
class LineView:
    """One line; `number` counts within the student's cell."""

    number: int
    markup: Markup
    messages: tuple[str, ...]


@dataclass(frozen=True)
class CodeView:
    """One listing; `after` are messages whose line is not among those shown."""

    title: str
    label: str
    lines: tuple[LineView, ...]
    left_out: str
    after: tuple[tuple[str, str], ...]


def view_code(listing: Listing, exercise: str, words: Wording) -> CodeView:
    """Highlight a listing and put each mark below its line."""
    source = clean_text(listing.source).rstrip("\n")
    lines = source.split("\n")
    shown = [shorten(line, LINE_WIDTH) for line in lines[:LINES_SHOWN]]
    messages: dict[int, list[str]] = {}
    for number, message in listing.marks:
        messages.setdefault(number, []).append(message)
    views = tuple(
        LineView(number, markup, tuple(messages.pop(number, ())))
        for number, markup in enumerate(_highlight("\n".join(shown), len(shown)), listing.first_line)
    )
    return CodeView(
        title=words.cell(listing.cell), label=words.code_of(exercise, listing.cell), lines=views,
        left_out=words.lines_left_out(len(lines) - len(shown)) if len(lines) > len(shown) else "",
        after=tuple((words.line(number), message) for number, texts in sorted(messages.items()) for message in texts),
    )


def _highlight(source: str, count: int) -> list[Markup]:
    """`count` lines of markup; a token that spans lines is closed and opened again at each break."""
    done: list[str] = []
    line: list[str] = []
    for kind, text in _LEXER.get_tokens(source):
        name = _class_of(kind)
        for index, piece in enumerate(text.split("\n")):
            if index:
                done.append("".join(line))
                line = []
            if piece:
                safe = str(escape(piece))
                line.append(f'<span class="{name}">{safe}</span>' if name else safe)
    done.append("".join(line))
    return [Markup(text) for text in (done + [""] * count)[:count]]  # every piece above is escaped


def _class_of(kind: _TokenType) -> str:
    step: _TokenType | None = kind
    while step is not None:
        if step in _CLASSES:
            return _CLASSES[step]
        step = step.parent
    return ""
