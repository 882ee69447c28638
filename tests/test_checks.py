"""Returned values of every convention, and what the judge says of wrong ones; the box is not needed for this."""

from __future__ import annotations

import numpy as np
import pytest

from grader.checks.reading import read_value
from grader.model import Items, Opaque, Tree
from grader.task import Returns

OUTPUT = Returns(name="output", axes="token feature")
WEIGHTS = Returns(name="weights", axes="head query key", also=("query key head", "query key"), optional=True)
REQUIRED = Returns(name="weights", axes="query key")

rng = np.random.default_rng(7)
output, weights = rng.normal(size=(4, 6)), rng.normal(size=(3, 4, 4))
EXPECTED = {"output": output, "weights": weights}


def pair(*items: Tree, kind: str = "tuple") -> Items:
    return Items(kind, items)  # type: ignore[arg-type]  # "tuple" or "list", as written below


ACCEPTED: list[tuple[str, Tree, set[str]]] = [
    ("a tuple", pair(output, weights), set()),
    ("a list", pair(output, weights, kind="list"), set()),
    ("heads last", pair(output, weights.transpose(1, 2, 0)), set()),
    ("a list of heads", pair(output, pair(*weights, kind="list")), set()),
    ("a tuple of heads", pair(output, pair(*weights)), set()),
    ("float32", pair(output.astype(np.float32), weights), set()),
    ("output alone", output, {"weights"}),
    ("output alone in a tuple", pair(output), {"weights"}),
]


@pytest.mark.parametrize(("value", "left_out"), [row[1:] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_accepted_conventions_are_read_into_the_declared_axes(value: Tree, left_out: set[str]) -> None:
    reading = read_value(value, (OUTPUT, WEIGHTS), EXPECTED)
    assert not reading.problems
    assert reading.left_out == left_out
    for name, array in reading.answer.items():
        assert array.dtype == np.float64
        np.testing.assert_allclose(array, EXPECTED[name], rtol=1e-6)


def test_an_axis_of_length_one_may_be_left_out() -> None:
    reading = read_value(pair(output, weights[0]), (OUTPUT, WEIGHTS), {"output": output, "weights": weights[:1]})
    assert reading.answer["weights"].shape == (1, 4, 4)
    assert "weights" in read_value(pair(output, weights[0]), (OUTPUT, WEIGHTS), EXPECTED).problems


def test_of_two_layouts_that_fit_the_nearer_is_taken() -> None:
    square = rng.normal(size=(4, 4, 4))
    for value in (square, square.transpose(1, 2, 0)):
        reading = read_value(pair(output, value), (OUTPUT, WEIGHTS), {"output": output, "weights": square})
        np.testing.assert_array_equal(reading.answer["weights"], square)


REFUSED: list[tuple[Tree, str, str]] = [
    (pair(output.T, weights[0]), "output", "(6, 4)"),
    (pair(output, Opaque("a dict")), "weights", "a dict"),
    (pair(output, output), "weights", "(4, 6)"),
    (pair(output + 1j, weights[0]), "output", "complex"),
    (pair(np.where(output > 0, np.nan, output), weights[0]), "output", "NaN"),
    (pair(output, np.full((4, 4), np.inf)), "weights", "16 infinite of 16"),
    (output, "weights", "is not returned"),
    (Opaque("None"), "output", "None"),
    (pair(kind="list"), "output", "does not hold arrays"),
    (pair(output, pair(weights[0], output)), "weights", "different shapes"),
    (pair(output, weights[0], weights[0]), "output", "3 values"),
    (np.asarray(3.0), "output", "()"),
]


@pytest.mark.parametrize(("value", "name", "words"), REFUSED, ids=[row[2] for row in REFUSED])
def test_what_is_wrong_with_a_value_is_said(value: Tree, name: str, words: str) -> None:
    reading = read_value(value, (OUTPUT, REQUIRED), {"output": output, "weights": weights[0]})
    assert words in reading.problems[name]


def test_results_in_the_other_order_are_read_and_named() -> None:
    reading = read_value(pair(weights[0], output), (OUTPUT, REQUIRED), {"output": output, "weights": weights[0]})
    assert reading.found == {"results_swapped"}
    np.testing.assert_array_equal(reading.answer["output"], output)


def test_results_in_the_other_order_are_named_though_one_is_of_a_wrong_shape() -> None:
    reading = read_value(pair(np.eye(6), output), (OUTPUT, REQUIRED), {"output": output, "weights": weights[0]})
    assert reading.found == {"results_swapped"}
    assert [array.shape for array in reading.raw] == [(4, 6), (6, 6)]


def test_a_result_that_is_left_out_is_named() -> None:
    assert read_value(output, (OUTPUT, REQUIRED), {"output": output, "weights": weights[0]}).found == {"result_left_out"}
