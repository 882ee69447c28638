"""Where students really write: a notebook's cells -> the written answer to each question, as markdown.

An answer is what differs from the hand-out: in the tagged cell, in the question's own cell, in cells added around it, in
comments and printed texts of code cells added there. A cell that answers two questions is parted at its labels.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from grader.extract.notebook import Cell
from grader.extract.pictures import pick_pictures, rename
from grader.task import Question

FEWEST_WORDS = 3
"""A comment of fewer words is a remark on the code, not an answer."""


@dataclass(frozen=True)
class Answers:
    """The answer to each question (markdown, "" where none was found), and the pictures that it shows: data URIs by name."""

    texts: Mapping[str, str]
    pictures: Mapping[str, Mapping[str, str]]


def find_answers(cells: Sequence[Cell], template: Sequence[Cell], questions: Mapping[str, Question]) -> Answers:
    """What was answered to each question, wherever it stands."""
    cells = _with_names_apart(cells)
    texts = _find_texts(cells, template, questions)
    pasted = {name: uri for cell in cells for name, uri in cell.pictures}
    return Answers(texts, {name: pick_pictures(text, pasted) for name, text in texts.items()})


def _with_names_apart(cells: Sequence[Cell]) -> list[Cell]:
    """Every editor calls what is pasted `image.png`: where cells clash, `7-image.png` is that of cell 7."""
    names = Counter(name for cell in cells for name, _ in cell.pictures)
    apart = []
    for cell in cells:
        own = {name: f"{cell.number}-{name}" for name, _ in cell.pictures if names[name] > 1}
        pictures = tuple((own.get(name, name), uri) for name, uri in cell.pictures)
        apart.append(replace(cell, source=rename(cell.source, own), pictures=pictures) if own else cell)
    return apart


def _find_texts(cells: Sequence[Cell], template: Sequence[Cell], questions: Mapping[str, Question]) -> dict[str, str]:
    if not questions:
        return {}
    given = {_squeeze(line) for cell in template for line in cell.source.split("\n")}
    untouched = {_squeeze(cell.source) for cell in template}
    found: dict[str, list[str]] = {name: [] for name in questions}
    current: str | None = None
    for cell in cells:
        current = _tagged(cell, questions) or current
        parts: dict[str, list[str]] = {}
        numbered = _is_list_of_answers(cell, current, questions)
        for line in _lines(cell, given, asked=current is not None and _squeeze(cell.source) not in untouched):
            words = _squeeze(line)
            named = _label(line, questions, numbered=numbered)
            if named and _tagged(cell, questions) and not STRICT.match(line):
                named = None  # in an answer's own cell `d)` counts the answer's points
            current = _heading(words, questions) or named or current
            if current and (words not in given or not words):
                parts.setdefault(current, []).append(line)
        for name, lines in parts.items():
            found[name].append("\n".join(lines).strip())
    return {name: "\n\n".join(part for part in parts if part) for name, parts in found.items()}


WORDS = r"(?:answer|question|part|exercise|antwort|frage|teil|aufgabe|respuesta|pregunta|réponse|risposta|q|a)"
LETTER = re.compile(rf"[\s#>*_-]*(?:{WORDS}\s*(?:to\s+)?)?\(?(\w)\s*(?:[).:]|\*\*\s*$)", re.IGNORECASE)
STRICT = re.compile(rf"[\s#>*_-]*(?:\(\w\)|{WORDS}\b)", re.IGNORECASE)
NUMBER = re.compile(rf"[\s#>*_-]*({WORDS}\s*)?\(?(\d)\s*[).:]", re.IGNORECASE)


def _tagged(cell: Cell, questions: Mapping[str, Question]) -> str | None:
    return next((name for name in questions if f"answer-{name}" in cell.tags), None)


def _lines(cell: Cell, given: set[str], *, asked: bool) -> Iterable[str]:
    """A markdown cell's lines; of a code cell in a question's place, comments and printed texts."""
    if cell.kind == "code":
        return _prose(cell.source, given) if asked else ()
    return cell.source.split("\n")


def _is_list_of_answers(cell: Cell, current: str | None, questions: Mapping[str, Question]) -> bool:
    """Whether a cell that belongs to no question's own place counts 1., 2. ... up to the number of questions."""
    found = [match[2] for line in cell.source.split("\n") if (match := NUMBER.match(line))]
    own_place = any(f"answer-{name}" in cell.tags for name in questions)
    counted = [str(at + 1) for at in range(len(questions))]
    return found == counted and not own_place and current in (None, list(questions)[-1])


def _heading(words: str, questions: Mapping[str, Question]) -> str | None:
    return next((name for name, question in questions.items() if _squeeze(question.heading) in words), None)


def _label(line: str, questions: Mapping[str, Question], *, numbered: bool) -> str | None:
    """The question that a line such as `(c) Because ...` or `Question 1:` opens; `1.` alone only where `numbered`."""
    letter, number = LETTER.match(line), NUMBER.match(line)
    if letter and letter[1].lower() in questions:
        return letter[1].lower()
    if number and (number[1] or numbered) and 1 <= int(number[2]) <= len(questions):
        return list(questions)[int(number[2]) - 1]
    return None


def _prose(source: str, given: set[str]) -> Iterable[str]:
    """Comments, bare strings and printed strings of a code cell, in order, that read like sentences."""
    found = [*_comments(source), *_strings(source)]
    if not found and _is_no_code(source):
        found = [(at, line) for at, line in enumerate(source.split("\n")) if not line.lstrip().startswith(("!", "%"))]
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
    for node in _statements(source) or ():
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield node.lineno, text.strip()
            case ast.Assign(value=ast.Constant(value=str(text))):
                yield node.lineno, text.strip()
            case ast.Expr(value=ast.Call(func=ast.Name(id="print"), args=values)):
                yield from ((node.lineno, text.strip()) for value in values if (text := _literal(value)))


def _literal(value: ast.expr) -> str:
    """The text of a string or of an f-string, its expressions as they are written."""
    match value:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_literal(part) or _unparse(part) for part in parts)
        case ast.FormattedValue(value=inner):
            return f"{{{_unparse(inner)}}}"
    return ""


def _unparse(value: ast.expr) -> str:
    try:
        return ast.unparse(value)
    except (RecursionError, ValueError):  # deeper than the unparser goes, or an integer of thousands of digits
        return "…"


def _is_no_code(source: str) -> bool:
    """Whether a code cell holds prose that Python does not take."""
    return _statements(source) is None


def _statements(source: str) -> Sequence[ast.stmt] | None:
    """What a cell says as Python, None if it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `1if x` is dubious style, and prose may look like it
            return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _squeeze(text: str) -> str:
    """Letters and digits only, lower case: what survives an editor."""
    return re.sub(r"[\W_]+", "", text).casefold()
