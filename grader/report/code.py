"""A piece of a student's code -> lines of highlighted HTML, each with the messages that belong below it.

Comes in: a `Listing`. Goes out: `CodeView`, whose markup holds nothing but escaped text and span elements with a class.
"""

from __future__ import annotations

import builtins
import keyword
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import ClassVar

from markupsafe import Markup, escape
from pygments.lexer import inherit  # type: ignore[import-untyped]
from pygments.lexers.python import PythonLexer  # type: ignore[import-untyped]
from pygments.token import Comment, Keyword, Literal, Name, Operator, _TokenType  # type: ignore[import-untyped]

from grader.model import Listing
from grader.report.text import clean_text, shorten
from grader.report.wording import Wording

LINES_SHOWN = 400
LINE_WIDTH = 500

_SPECIAL = "|".join([*keyword.kwlist, *keyword.softkwlist, *(name for name in dir(builtins) if name[0].islower()),
                     "self", "cls", "Ellipsis", "NotImplemented"])


class _Lexer(PythonLexer):  # type: ignore[misc]  # no stubs
    """Pygments' own, but runs of what bears no colour are one token, and but for `match` the same colours."""

    tokens: ClassVar = {
        "root": [
            (rf"(?:[ \t\[\](){{}}:,;.=+*/<>-]++|(?!(?:{_SPECIAL})\b)[A-Za-z_]\w*+(?![\"']))++", Name),
            (r"\d++(?:\.\d*+)?(?![\w.])", Literal.Number),
            inherit,
        ],
    }


_LEXER = _Lexer(stripnl=False, ensurenl=True)
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
    lines: list[list[str]] = [[]]
    for name, tokens in groupby(_LEXER.get_tokens(source), key=lambda token: _class_of(token[0])):
        for index, piece in enumerate("".join(text for _, text in tokens).split("\n")):
            if index:
                lines.append([])
            if piece:
                safe = escape(piece)
                lines[-1].append(f'<span class="{name}">{safe}</span>' if name else safe)
    lines += [[]] * count
    return [Markup("".join(line)) for line in lines[:count]]  # noqa: S704  every piece above is escaped


@cache
def _class_of(kind: _TokenType) -> str:
    step: _TokenType | None = kind
    while step is not None:
        if step in _CLASSES:
            return _CLASSES[step]
        step = step.parent
    return ""
