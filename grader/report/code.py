"""A piece of a student's code -> lines of highlighted HTML, each with the messages that belong below it.

Comes in: a `Listing`. Goes out: `CodeView`, whose markup holds nothing but escaped text and span elements with a class.
"""

from __future__ import annotations

import builtins
import keyword
from dataclasses import dataclass
from functools import cache
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

_LEADING = ("def", "class", "from", "import", "async")  # what follows them has colours of its own
_SPECIAL = "|".join([*keyword.kwlist, *keyword.softkwlist, *(name for name in dir(builtins) if name[0].islower()),
                     "self", "cls", "Ellipsis", "NotImplemented"])
_KEYWORDS = "|".join(["yield from", *(word for word in keyword.kwlist if word not in _LEADING)])
_BUILTINS = "|".join(PythonLexer.tokens["builtins"][0][0].words)
_RUN = (rf"(?:[ \t\n\[\](){{}}:,;=+*/<>-]++|\.(?!\d)|@(?!\w)|(?:(?<=\.)(?!(?:{'|'.join(keyword.kwlist)})\b)|(?!(?:{_SPECIAL})\b))"
        r"[A-Za-z_]\w*+(?![\"']))++")


class _Lexer(PythonLexer):  # type: ignore[misc]  # no stubs
    """Pygments' own, quicker, with the same colours but for `match`, `case` and names like `__add__`.

    Runs of what bears no colour are one token, and what programs consist of comes first, not after some forty rules.
    """

    tokens: ClassVar = {
        "root": [
            (_RUN, Name),
            (rf"(?:{_KEYWORDS})\b", Keyword),
            (rf"(?<!\.)(?:{_BUILTINS})\b", Name.Builtin),
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
    names: list[str] = []
    texts: list[str] = []
    for _, kind, text in _LEXER.get_tokens_unprocessed(f"{source}\n"):
        name = _class_of(kind)
        if names and names[-1] == name:
            texts[-1] += text
        else:
            names.append(name)
            texts.append(text)
    escaped = str(escape("\0".join(texts))).split("\0")  # at once; clean text holds no NUL
    lines = "".join([_coloured(name, text) if name else text for name, text in zip(names, escaped, strict=True)]).split("\n")
    lines += [""] * count
    return [Markup(line) for line in lines[:count]]  # noqa: S704  all of it was escaped above


def _coloured(name: str, text: str) -> str:
    opening = f'<span class="{name}">'
    if "\n" not in text:
        return f"{opening}{text}</span>"
    return "\n".join(f"{opening}{piece}</span>" if piece else "" for piece in text.split("\n"))


@cache
def _class_of(kind: _TokenType) -> str:
    step: _TokenType | None = kind
    while step is not None:
        if step in _CLASSES:
            return _CLASSES[step]
        step = step.parent
    return ""
