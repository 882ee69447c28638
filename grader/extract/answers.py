"""Where students really write: a notebook's cells -> the written answer to each question, as markdown.

An answer is what differs from the hand-out: in the tagged cell, in the question's own cell, in cells added around it, in
comments and printed texts of code cells added there. A cell that answers two questions is parted at its labels.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence

from grader.assignment import Question
from grader.extract.notebook import Cell

FEWEST_WORDS = 3
"""A comment of fewer words is a remark on the code, not an answer."""


def find_answers(cells: Sequence[Cell], template: Sequence[Cell], questions: Mapping[str, Question]) -> dict[str, str]:
    """The answer to each question, "" where none was found."""
    if not questions:
        return {}
    given = {_squeeze(line) for cell in template for line in cell.source.split("\n")}
    untouched = {_squeeze(cell.source) for cell in template}
    found: dict[str, list[str]] = {name: [] for name in questions}
    current: str | None = None
    for cell in cells:
        current = _tagged(cell, questions) or current
        parts: dict[str, list[str]] = {}
        for line in _lines(cell, given, asked=current is not None and _squeeze(cell.source) not in untouched):
            words = _squeeze(line)
            current = _heading(words, questions) or _label(line, questions) or current
            if current and (words not in given or not words):
                parts.setdefault(current, []).append(line)
        for name, lines in parts.items():
            found[name].append("\n".join(lines).strip())
    return {name: "\n\n".join(part for part in parts if part) for name, parts in found.items()}


LABEL = re.compile(
    r"[\s#>*_-]*(?:(?:answer|question|antwort|frage|respuesta|pregunta)\s+(?:to\s+)?)?\(?(\w)\s*[).:]", re.IGNORECASE
)


def _tagged(cell: Cell, questions: Mapping[str, Question]) -> str | None:
    return next((name for name in questions if f"answer-{name}" in cell.tags), None)


def _lines(cell: Cell, given: set[str], *, asked: bool) -> Iterable[str]:
    """A markdown cell's lines; of a code cell in a question's place, comments and printed texts."""
    if cell.kind == "code":
        return _prose(cell.source, given) if asked else ()
    return cell.source.split("\n")


def _heading(words: str, questions: Mapping[str, Question]) -> str | None:
    return next((name for name, question in questions.items() if _squeeze(question.heading) in words), None)


def _label(line: str, questions: Mapping[str, Question]) -> str | None:
    """The question that a line such as `(c) Because ...`, `**Answer d:**` or `c) ...` opens."""
    found = LABEL.match(line)
    return found[1].lower() if found and found[1].lower() in questions else None


def _prose(source: str, given: set[str]) -> Iterable[str]:
    """Comments, bare strings and printed strings of a code cell, in order, that read like sentences."""
    found = [*_comments(source), *_strings(source)]
    for _, text in sorted(found, key=lambda piece: piece[0]):
        if len(text.split()) >= FEWEST_WORDS and _squeeze(text) not in given:
            yield text


def _comments(source: str) -> Iterator[tuple[int, str]]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string.lstrip("#! ")
    except (tokenize.TokenError, SyntaxError):  # what came before the damage has been given
        return


def _strings(source: str) -> Iterator[tuple[int, str]]:
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in body:
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield node.lineno, text.strip()
            case ast.Expr(value=ast.Call(func=ast.Name(id="print"), args=values)):
                for value in values:
                    if isinstance(value, ast.Constant) and isinstance(value.value, str):
                        yield node.lineno, value.value.strip()


def _squeeze(text: str) -> str:
    """Letters and digits only, lower case: what survives an editor."""
    return re.sub(r"[\W_]+", "", text).casefold()
