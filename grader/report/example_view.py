"""WorkedExample -> view: small tables of numbers, step by step, and where the student's own depart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from grader.model import Argument, WorkedExample
from grader.report.wording import Wording

MOST = 16  # rows or columns; a wrong answer may have another shape, but not a page of its own
NARROW = 4  # columns that a phone has room for

Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Step:
    """A named array as one or more small tables; `departs` where the student's first differs, `own` is what theirs is there.

    `wide` ones get room to scroll.
    """

    label: str
    tables: tuple[Rows, ...]
    wide: bool
    departs: bool = False
    own: bool = False


@dataclass(frozen=True)
class ExampleView:
    """The whole example; `verdict` says where the ways part, and the student's own step stands beside the right one."""

    title: str
    given: tuple[Step, ...]
    steps: tuple[Step, ...]
    verdict: str


def view_example(example: WorkedExample, words: Wording) -> ExampleView:
    """The example's words and numbers."""
    return ExampleView(
        words.example(example.title),
        tuple(_step(name, value, words) for name, value in example.given),
        tuple(_steps(example, words)),
        words.example_departs(example.departs) if example.yours is not None else words.example_nothing(example.departs),
    )


def _steps(example: WorkedExample, words: Wording) -> Iterator[Step]:
    for label, array in example.steps:
        step = _step(label, array, words)
        if label != example.departs:
            yield step
        else:
            yield replace(step, departs=True)
            if example.yours is not None:
                yield replace(_step(words.example_yours(label), example.yours, words), departs=True, own=True)


def _step(label: str, value: Argument, words: Wording) -> Step:
    tables = _tables(value, words)
    return Step(label, tables, wide=any(len(row) > NARROW for rows in tables for row in rows))


def _tables(value: Argument, words: Wording) -> tuple[Rows, ...]:
    array = np.asarray(value, dtype=float)
    matrices = np.atleast_2d(array)[None] if array.ndim < 3 else array.reshape(-1, *array.shape[-2:])
    return tuple(
        tuple(tuple(_number(number, words) for number in row[:MOST]) for row in matrix[:MOST]) for matrix in matrices[:MOST]
    )


def _number(number: float, words: Wording) -> str:
    if not np.isfinite(number):
        return "NaN" if np.isnan(number) else ("∞" if number > 0 else "−∞")
    return words.decimal(f"{number:.3g}") if number else "0"
