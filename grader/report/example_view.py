"""WorkedExample -> view: small tables of numbers, step by step, and where the student's own depart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grader.model import Argument, WorkedExample
from grader.report.wording import Wording

MOST = 16  # rows or columns; a wrong answer may have another shape, but not a page of its own

Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Step:
    """A named array as one or more small tables; `departs` where the student's first differs, `note` in words."""

    label: str
    tables: tuple[Rows, ...]
    departs: bool = False


@dataclass(frozen=True)
class ExampleView:
    """The whole example; `verdict` says where the ways part."""

    title: str
    given: tuple[Step, ...]
    steps: tuple[Step, ...]
    yours: Step | None
    verdict: str


def view_example(example: WorkedExample, words: Wording) -> ExampleView:
    """The example's words and numbers."""
    return ExampleView(
        words.example(example.title),
        tuple(Step(name, _tables(value)) for name, value in example.given),
        tuple(Step(label, _tables(array), label == example.departs) for label, array in example.steps),
        None if example.yours is None else Step(words.example_yours(example.departs), _tables(example.yours), departs=True),
        words.example_departs(example.departs) if example.yours is not None else words.example_nothing(example.departs),
    )


def _tables(value: Argument) -> tuple[Rows, ...]:
    array = np.asarray(value, dtype=float)
    matrices = np.atleast_2d(array)[None] if array.ndim < 3 else array.reshape(-1, *array.shape[-2:])
    return tuple(
        tuple(tuple(_number(number) for number in row[:MOST]) for row in matrix[:MOST]) for matrix in matrices[:MOST]
    )


def _number(number: float) -> str:
    if not np.isfinite(number):
        return "NaN" if np.isnan(number) else ("∞" if number > 0 else "−∞")
    return f"{number:.3g}".replace("-", "−") if number else "0"
