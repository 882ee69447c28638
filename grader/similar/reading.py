"""Slices of a notebook -> HandIn: what in them is the student's own, as k-grams, as lines to show, and letter by letter."""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby

from grader.messages import say
from grader.model import Fragment, HandIn, Listing, Slice
from grader.similar.tokens import Token, tokens_of, vocabulary_of
from grader.similar.winnow import digest_of, grams_of

MOST_GRAMS = 20_000
"""In one hand-in; people write a few hundred."""


@dataclass(frozen=True)
class Given:
    """What everybody was given or cannot but write: k-grams, whole statements of the hand-out, and the hand-out's text."""

    prescribed: frozenset[str]
    grams: frozenset[int] = frozenset()
    statements: frozenset[int] = frozenset()
    text: str = ""


def take_as_given(hand_out: Sequence[str], ways: Sequence[str], prescribed: frozenset[str]) -> Given:
    """Read the hand-out's cells and `ways` of doing the task, each a Python source; one that does not parse gives nothing."""
    given = _read_all([node for source in hand_out for node in _parse(source)], prescribed)
    ways_to_write = chain.from_iterable(_read_all(_parse(source), prescribed) for source in ways)
    return Given(
        prescribed, frozenset(chain.from_iterable(map(grams_of, [*given, *ways_to_write]))),
        frozenset(map(digest_of, given)), "\n".join(hand_out),
    )


def _read_all(statements: Sequence[ast.stmt], prescribed: frozenset[str]) -> list[list[Token]]:
    words = vocabulary_of(statements, prescribed)
    return [tokens_of(node, words) for node in statements]


def _parse(source: str) -> list[ast.stmt]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a wrong escape in a string
        try:
            return ast.parse(source).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return []


def read_hand_in(name: HandIn, slices: Mapping[str, Slice], given: Given) -> HandIn:
    """Fill in what the slices say of a hand-in whose id, source and digest are known."""
    placed = _placed_statements(slices.values())
    words = vocabulary_of((one.node for one in placed), given.prescribed)
    read = ((one, tokens_of(one.node, words)) for one in placed)
    own = [(one, tokens) for one, tokens in read if tokens and digest_of(tokens) not in given.statements]
    if sum(len(tokens) for _, tokens in own) > MOST_GRAMS:
        return replace(name, problem=say("Its functions are longer than {most:,} signs.", most=MOST_GRAMS))
    listings = _list_lines(slices.values(), [one for one, _ in own])
    return replace(
        name, fragments=tuple(_fragment(one, tokens) for one, tokens in own), listings=listings,
        letters=_digest_letters(listings), remarks=sum(map(len, _remarks([one.node for one, _ in own], listings, given))),
    )


@dataclass(frozen=True)
class _Placed:
    """A top-level statement and its place in the student's cell."""

    cell: int
    node: ast.stmt
    lines: Sequence[int]

    def line_of(self, line: int) -> int:
        return self.lines[min(max(line, 1), len(self.lines)) - 1] if self.lines else 1

    def span(self) -> range:
        first = min([self.node.lineno, *(one.lineno for one in getattr(self.node, "decorator_list", []))])
        return range(self.line_of(first), self.line_of(self.node.end_lineno or self.node.lineno) + 1)


def _placed_statements(slices: Iterable[Slice]) -> list[_Placed]:
    """All statements that the slices need, each once, in the notebook's order."""
    found: dict[tuple[int, int], _Placed] = {}
    trees: dict[int, list[ast.stmt]] = {}
    for cell in (cell for piece in slices if piece.program for cell in piece.program.cells):
        if cell.cell not in trees:
            trees[cell.cell] = _parse(cell.source)
        for index in cell.statements:
            found[cell.cell, index] = _Placed(cell.cell, trees[cell.cell][index], cell.lines)
    return [found[place] for place in sorted(found)]


def _fragment(placed: _Placed, tokens: Sequence[Token]) -> Fragment:
    return Fragment(placed.cell, tuple(placed.line_of(token.line) for token in tokens), grams_of(tokens))


def _list_lines(slices: Iterable[Slice], own: Sequence[_Placed]) -> tuple[Listing, ...]:
    """The students' lines of their own statements, neighbours together."""
    text = {
        (listing.cell, number): line for piece in slices for listing in piece.listings
        for number, line in enumerate(listing.source.split("\n"), listing.first_line)
    }
    wanted = sorted({(one.cell, line) for one in own for line in one.span()} & text.keys())
    found = []
    for _, run in groupby(enumerate(wanted), key=lambda pair: (pair[1][0], pair[1][1] - pair[0])):
        places = [place for _, place in run]
        found.append(Listing(*places[0], "\n".join(text[place] for place in places)))
    return tuple(found)


def _digest_letters(listings: Sequence[Listing]) -> str:
    if not listings:
        return ""
    text = "\n\0".join(listing.source for listing in listings)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _remarks(nodes: Sequence[ast.stmt], listings: Sequence[Listing], given: Given) -> Iterator[str]:
    """Comments and docstrings that the hand-out does not hold."""
    docstrings = (
        node.value.value for statement in nodes for node in ast.walk(statement)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    )
    comments = (comment.lstrip("# \t") for listing in listings for comment in _comments(listing.source))
    return (remark.strip() for remark in (*docstrings, *comments) if remark.strip() and remark.strip() not in given.text)


def _comments(source: str) -> list[str]:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):  # a magic among the lines
        return []
    return [token.string for token in tokens if token.type == tokenize.COMMENT]
