"""What must hold between your own answers, whatever the numbers are: the self-check tries these, and so does the grader.

They are no secret and give no answer away. Each is tried on the published data or on data drawn with `rng`; within a case N, D, H
and D/H differ, so that a wrong axis cannot hide behind equal sizes, except where X is the identity matrix, which is square.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from grader.model import Answer, Argument, Comparison, Invocation, Property

Matrix = NDArray[np.float64]
Inputs = tuple[Matrix, Matrix, Matrix, Matrix]
SINGLE, MULTI = "self_attention", "multi_head_attention"
WIDER = 4
"""By what the keys are made wider; its root is a whole number, so that the scores stay what they are to the last bit."""


def relations(rng: np.random.Generator, published: Mapping[str, tuple[Argument, ...]]) -> list[Property]:
    """All relations; `published` holds the arguments of each exercise's public case."""
    drawn, square = _draw(rng, 7, 12), (np.eye(6), *_draw(rng, 6, 6)[1:])
    found = []
    for exercise, datasets, identity in (
        (SINGLE, [published[SINGLE], drawn], square),
        (MULTI, [published[MULTI], (*drawn, 3)], (*square, 2)),
    ):
        found += [_rows_sum_to_one(exercise, datasets), _equivariance(rng, exercise, datasets),
                  _uniform_row(rng, exercise, identity), _identity_shows_values(exercise, identity)]
    return [*found, _wider_keys(drawn), _one_head_is_single(drawn), _heads_are_blocks(rng, drawn)]


def _rows_sum_to_one(exercise: str, datasets: Sequence[tuple[Argument, ...]]) -> Property:
    def compare(answers: Sequence[Answer]) -> Iterator[Comparison]:
        for answer in answers:
            weights = np.asarray(answer["attention_weights"], dtype=float)
            yield Comparison("the sum of a row of attention weights (it must be 1)", weights.sum(-1), np.ones(weights.shape[:-1]))
            yield Comparison("attention weights below 0", np.minimum(weights, 0), np.zeros(weights.shape))

    return Property(
        "rows_sum_to_one", "each row of the attention weights sums to 1", exercise,
        tuple(Invocation(exercise, arguments) for arguments in datasets), compare, needs=("attention_weights",),
    )


def _equivariance(rng: np.random.Generator, exercise: str, datasets: Sequence[tuple[Argument, ...]]) -> Property:
    calls, orders = [], []
    for X, *rest in datasets:
        order = _shuffle(rng, len(np.asarray(X)))
        orders.append(order)
        calls += [Invocation(exercise, (X, *rest)), Invocation(exercise, (np.asarray(X)[order], *rest))]

    def compare(answers: Sequence[Answer]) -> Iterator[Comparison]:
        for plain, permuted, order in zip(answers[::2], answers[1::2], orders, strict=True):
            yield Comparison("the output rows of permuted tokens", permuted["output"], plain["output"][order])
            if "attention_weights" in plain and "attention_weights" in permuted:
                expected = plain["attention_weights"][..., order, :][..., order]
                yield Comparison("the attention weights of permuted tokens", permuted["attention_weights"], expected)

    return Property(
        "equivariance", "permuting the tokens permutes the results in the same way", exercise, tuple(calls), compare,
    )


def _uniform_row(rng: np.random.Generator, exercise: str, identity: tuple[Argument, ...]) -> Property:
    """With X = I the queries are the rows of Wq; one of zeros prefers no token."""
    X, Wq, *rest = identity
    row = int(rng.integers(len(np.asarray(Wq))))
    blank = np.asarray(Wq).copy()
    blank[row] = 0

    def compare(answers: Sequence[Answer]) -> Iterator[Comparison]:
        shares = answers[0]["attention_weights"][..., row, :]
        label = "the attention weights of a token whose query is zero (they must all be equal)"
        yield Comparison(label, shares, np.full(shares.shape, 1 / shares.shape[-1]))

    return Property(
        "zero_query", "a token whose query is zero attends to all tokens alike", exercise,
        (Invocation(exercise, (X, blank, *rest)),), compare, needs=("attention_weights",),
    )


def _identity_shows_values(exercise: str, identity: tuple[Argument, ...]) -> Property:
    """With X = I the values are the rows of Wv, so the output is what the returned weights make of them."""
    Wv = np.asarray(identity[3])
    width = Wv.shape[1]
    heads = int(np.asarray(identity[4])) if len(identity) > 4 else 1

    def compare(answers: Sequence[Answer]) -> Iterator[Comparison]:
        (answer,) = answers
        weights = answer["attention_weights"].reshape(heads, len(Wv), len(Wv))
        mixed = np.empty(Wv.shape)
        for column in range(width):  # one at a time, by the weights of the head that it belongs to
            mixed[:, column] = weights[column * heads // width] @ Wv[:, column]
        yield Comparison("the output for X = I beside your own attention weights times Wv", answer["output"], mixed)

    return Property(
        "identity_input", "for X = I the output is the attention weights times Wv", exercise,
        (Invocation(exercise, identity),), compare, needs=("attention_weights",),
    )


def _wider_keys(inputs: Inputs) -> Property:
    """Zeros beside Wq and Wk change no score but the scale, which a doubled Wq makes up for."""
    X, Wq, Wk, Wv = inputs
    pad = ((0, 0), (0, (WIDER - 1) * Wq.shape[1]))
    wide = (X, np.sqrt(WIDER) * np.pad(Wq, pad), np.pad(Wk, pad), Wv)

    def compare(answers: Sequence[Answer]) -> Iterator[Comparison]:
        before, after = answers
        yield Comparison("the output for wider keys", after["output"], before["output"])

    return Property(
        "wider_keys", "the scale follows the width of the keys", SINGLE,
        (Invocation(SINGLE, inputs), Invocation(SINGLE, wide)), compare, advice=WIDER_KEYS,
    )


WIDER_KEYS = (
    "Your self_attention takes the d_k of its scale from somewhere else than the keys. Here both are equally wide, and no marks "
    "are lost. A head of multi-head attention has narrower keys: if you call self_attention there, the scale has to follow."
)


def _one_head_is_single(inputs: Inputs) -> Property:
    def compare(answers: Sequence[Answer]) -> Iterator[Comparison]:
        multi, single = answers
        yield Comparison("the output for H = 1", multi["output"], single["output"])
        if "attention_weights" in multi:
            yield Comparison("the attention weights for H = 1", multi["attention_weights"][0], single["attention_weights"])

    return Property(
        "one_head_is_single", "with one head it equals your self_attention", MULTI,
        (Invocation(MULTI, (*inputs, 1)), Invocation(SINGLE, inputs)), compare, relies_on=(SINGLE,),
    )


def _heads_are_blocks(rng: np.random.Generator, inputs: Inputs) -> Property:
    X, *weights = inputs
    heads, width = 3, X.shape[1] // 3
    head = int(rng.integers(heads))
    block = slice(head * width, (head + 1) * width)
    moved = []
    for W in weights:
        changed = W.copy()
        changed[:, block] = rng.normal(size=(len(W), width))
        moved.append(changed)

    def compare(answers: Sequence[Answer]) -> Iterator[Comparison]:
        before, after = answers
        yield Comparison(
            "the other heads' columns of the output", np.delete(after["output"], block, axis=1),
            np.delete(before["output"], block, axis=1),
        )
        if "attention_weights" in before and "attention_weights" in after:
            yield Comparison(
                "the other heads' attention weights", np.delete(after["attention_weights"], head, axis=0),
                np.delete(before["attention_weights"], head, axis=0),
            )

    return Property(
        "heads_are_blocks", "changing one head's block of the weights changes only that head's block of the results", MULTI,
        (Invocation(MULTI, (*inputs, heads)), Invocation(MULTI, (X, *moved, heads))), compare,
    )


def _draw(rng: np.random.Generator, tokens: int, width: int) -> Inputs:
    """Inputs whose scaled scores are of order 1, so that a softmax is far from uniform and far from one-hot."""
    Wq, Wk, Wv = rng.normal(scale=1.5 / np.sqrt(width), size=(3, width, width))
    return rng.normal(size=(tokens, width)), Wq, Wk, Wv


def _shuffle(rng: np.random.Generator, tokens: int) -> NDArray[np.intp]:
    """A permutation that is not the identity."""
    while True:
        order = rng.permutation(tokens)
        if (order != np.arange(tokens)).any():
            return order
