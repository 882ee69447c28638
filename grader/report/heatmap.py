"""Two matrices -> tables of coloured cells with numbers, beside each other. Colours are classes of the style sheet.

Comes in: a `Picture`. Goes out: `PictureView`. A student's matrix may have any shape and hold any number, NaN too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader.model import Array, Picture
from grader.report.wording import Wording

SIDE = 30
"""Rows and columns that are drawn at most."""
NUMBERS = 12
"""Columns up to which a cell shows its number; beyond, it is in the cell's title and for screen readers."""
CELLS = 4_000
"""Cells drawn on one page at most."""
STEPS = 10
NEGATIVE_STEPS = 5

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class RowView:
    """A row's numbers: the colours' classes, the exact texts on hover and the short ones in the cells, all of one length.

    Three tuples rather than a view for each cell, since cells are most of what a page holds.
    """

    number: int
    colours: tuple[str, ...]
    exact: tuple[str, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class GridView:
    """One matrix; `problem` in place of rows says why there is none."""

    title: str
    label: str
    columns: tuple[int, ...] = ()
    rows: tuple[RowView, ...] = ()
    dense: bool = False
    note: str = ""
    problem: str = ""


@dataclass(frozen=True)
class PictureView:
    """What stands side by side, and the sentence that a reader should take from it."""

    title: str
    axes: str
    row_name: str
    column_name: str
    grids: tuple[GridView, ...]
    finding: str


_COLOURS = [f"s{step}" for step in range(STEPS + 1)]
_SIGNED = [*_COLOURS[::2], *(f"n{step}" for step in range(NEGATIVE_STEPS, 0, -1))]
"""By step: a negative step counts from the end."""


@dataclass(frozen=True)
class _Scale:
    """Which class a number takes: from `low` (0, or minus `high`) to `high`."""

    high: float
    signed: bool

    def colour(self, value: float) -> str:
        if not math.isfinite(value):
            return "x"
        share = value / self.high if self.high > 0 else 0.0
        if self.signed or share < 0:
            return _SIGNED[round(NEGATIVE_STEPS * (1 if share > 1 else -1 if share < -1 else share))]
        return _COLOURS[round(STEPS * share) if share < 1 else STEPS]


def view_pictures(pictures: Iterable[Picture], tolerance: float, words: Wording) -> tuple[PictureView, ...]:
    """Draw pictures in order until the page has enough cells; the rest is said in words."""
    views: list[PictureView] = []
    left = CELLS
    for picture in pictures:
        view = _view_picture(picture, tolerance, words, left)
        left -= sum(len(grid.rows) * len(grid.columns) for grid in view.grids)
        views.append(view)
    return tuple(views)


def _view_picture(picture: Picture, tolerance: float, words: Wording, room: int) -> PictureView:
    expected = _matrix(picture.expected)
    yours = None if picture.yours is None else _matrix(picture.yours)
    scale = _scale(expected)
    grids = [_grid(words.yours, picture, picture.yours, yours, scale, words, room),
             _grid(words.expected, picture, picture.expected, expected, scale, words, room)]
    finding = ""
    if picture.yours is not None and picture.yours.shape != picture.expected.shape:
        finding = words.other_shape(picture.yours.shape, picture.expected.shape)
    elif yours is not None and expected is not None and expected.size:
        with np.errstate(all="ignore"):
            difference = yours - expected
        if _agrees(difference, expected, tolerance):
            finding = words.agrees()
        else:
            finding = _finding(picture, yours, expected, difference, words)
            if np.isfinite(difference).any():
                grids.append(_grid(words.difference, picture, difference, difference, _scale(difference, True), words,
                                   room))
    return PictureView(picture.title, words.axes(picture.rows, picture.columns), picture.rows, picture.columns, tuple(grids),
                       finding)


def _matrix(array: Array) -> Matrix | None:
    """Two axes of floats, or None for what is no such thing. One axis is one row."""
    if array.dtype.kind not in "biuf" or array.ndim > 2:
        return None
    return np.atleast_2d(array).astype(np.float64)


def _scale(matrix: Matrix | None, signed: bool = False) -> _Scale:
    """The expected numbers set the scale, so that a wild one of the student's does not wash out the rest."""
    finite = np.zeros(0) if matrix is None else matrix[np.isfinite(matrix)]
    high = float(np.abs(finite).max()) if finite.size else 0.0
    return _Scale(high, signed or bool(finite.size and finite.min() < 0))


def _agrees(difference: Matrix, expected: Matrix, tolerance: float) -> bool:
    finite = expected[np.isfinite(expected)]
    largest = float(np.abs(finite).max()) if finite.size else 0.0
    return bool((np.abs(difference) <= tolerance * largest).all())  # NaN is never within


def _finding(picture: Picture, yours: Matrix, expected: Matrix, difference: Matrix, words: Wording) -> str:
    size = np.where(np.isfinite(difference), np.abs(difference), np.inf)
    row, column = (int(index) for index in np.unravel_index(int(size.argmax()), size.shape))
    return words.differs(words.position(picture.rows, row + 1), words.position(picture.columns, column + 1),
                         _exact(float(yours[row, column]), words, 4), _exact(float(expected[row, column]), words, 4))


def _grid(
    title: str, picture: Picture, array: Array | None, matrix: Matrix | None, scale: _Scale, words: Wording, room: int,
) -> GridView:
    label = words.grid_title(title, picture.title, picture.rows, picture.columns)
    if array is None:
        return GridView(title, label, problem=words.nothing_returned)
    if matrix is None or not matrix.size:
        return GridView(title, label, problem=f"{words.not_numbers} {words.shape(array.shape)}")
    shown = matrix[:SIDE, :SIDE]
    if 3 * shown.size > room:
        return GridView(title, label, problem=words.not_drawn(array.shape))
    note = words.corner(shown.shape[0], shown.shape[1], matrix.shape) if shown.shape != matrix.shape else ""
    return GridView(title, label, tuple(range(1, shown.shape[1] + 1)), tuple(_rows(shown, scale, words)),
                    dense=shown.shape[1] > NUMBERS, note=note)


def _rows(shown: Matrix, scale: _Scale, words: Wording) -> Iterator[RowView]:
    finite = np.isfinite(shown)
    largest = float(np.abs(shown[finite]).max(initial=0.0))
    short = "{:z.2f}".format if 0.1 <= largest < 1000 else _digits
    for number, (row, plain) in enumerate(zip(shown.tolist(), np.all(finite, axis=1), strict=True), 1):
        colours = tuple([scale.colour(value) for value in row])
        if plain:  # nearly always: the language's way of writing numbers is asked for a row at once
            exact = words.decimal(" ".join([f"{value:.6g}" for value in row])).split(" ")
            texts = words.decimal(" ".join([short(value) for value in row])).split(" ")
        else:
            exact, texts = [_exact(value, words) for value in row], [_short(value, short, words) for value in row]
        yield RowView(number, colours, tuple(exact), tuple(texts))


def _short(value: float, write: Callable[[float], str], words: Wording) -> str:
    return words.decimal(write(value)) if math.isfinite(value) else _odd(value)


def _digits(value: float) -> str:
    """Three digits, for tables whose numbers are not of everyday size; in those that are, two decimals are written."""
    return "0.00" if value == 0 else f"{value:.1e}" if abs(value) < 1e-3 else f"{value:.3g}"


def _exact(value: float, words: Wording, digits: int = 6) -> str:
    return words.decimal(f"{value:.{digits}g}") if math.isfinite(value) else _odd(value)


def _odd(value: float) -> str:
    return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
