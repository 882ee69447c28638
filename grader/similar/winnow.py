"""Tokens -> k-grams -> fingerprints, by winnowing (Schleimer, Wilkerson and Aiken, 2003). Knows of no notebook.

Within a k-gram the program's own names are numbered by first use. One sign for all of them would make `a - b` and `a - a` the
same; numbers that run through the whole function would change every later gram when one name is added at the top.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

from grader.similar.tokens import Token

GRAM = 12
"""Tokens in a k-gram, the least that can match: more than one line of common code, less than two."""

WINDOW = 4
"""Grams in a window: of GRAM + WINDOW - 1 tokens in a row that two programs share, one fingerprint is always found."""

DIGEST = 8  # bytes; among 10 million grams two that differ agree with a chance of 3 in a million


def grams_of(tokens: Sequence[Token]) -> tuple[int, ...]:
    """A number for every run of GRAM tokens, in order."""
    return tuple(digest_of(tokens[at:at + GRAM]) for at in range(len(tokens) - GRAM + 1))


def digest_of(gram: Sequence[Token]) -> int:
    """A number that any renaming of own names leaves as it is."""
    order: dict[str, int] = {}
    signs = [f"\0{order.setdefault(token.text, len(order))}" if token.own else token.text for token in gram]
    return int.from_bytes(hashlib.blake2b("\n".join(signs).encode("utf-8", "replace"), digest_size=DIGEST).digest(), "big")


def fingerprints_of(grams: Sequence[int], *, counts: Callable[[int], bool]) -> frozenset[int]:
    """The least of every window of the grams that count; grams that do not part the others into runs."""
    return frozenset(least for run in _runs(grams, counts) for least in _winnow(run))


def _runs(grams: Sequence[int], counts: Callable[[int], bool]) -> Iterator[list[int]]:
    run: list[int] = []
    for gram in grams:
        if counts(gram):
            run.append(gram)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _winnow(run: Sequence[int]) -> Iterator[int]:
    for start in range(max(len(run) - WINDOW, 0) + 1):
        yield min(run[start:start + WINDOW])
