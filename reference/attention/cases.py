"""What the two functions are tried on: the published data, and seeded hidden data.

`rng` is seeded with the instructor's secret. What must hold for any data stands in the hand-out's relations.py, which students
may read. Within a case N, D, H and D/H differ pairwise and D/H is at least 2: no wrong axis can hide behind equal sizes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grader.model import Case, Example

Matrix = NDArray[np.float64]
Inputs = tuple[Matrix, Matrix, Matrix, Matrix]

PUBLISHED: Inputs = (
    np.array([[0.7, -0.8, -1.2, -1.0, -0.0, -0.3],
              [2.7, 0.1, 1.6, 1.8, 1.5, 0.3],
              [0.1, 2.6, -0.1, -1.3, -0.5, -0.7],
              [1.1, 1.5, 1.0, -0.5, 0.4, 0.4],
              [-0.7, -0.7, 0.7, -1.5, -0.8, 1.0]]),
    np.array([[-1.7, 1.6, 0.9, -0.5, 0.4, -1.0],
              [-0.4, 1.0, -0.3, 1.0, 0.5, 1.1],
              [0.4, -0.9, -1.0, 0.5, -1.4, 0.0],
              [0.3, 1.4, -1.2, 0.2, 0.1, 1.6],
              [-0.8, 0.8, -0.7, -1.3, 0.3, 0.8],
              [1.1, 0.3, -1.5, -2.3, 2.2, -0.7]]),
    np.array([[0.3, -0.4, -1.3, 0.3, -1.7, 1.1],
              [-2.3, -1.1, 0.6, -1.2, 2.2, 0.3],
              [1.1, -0.4, -0.5, 1.9, -1.1, -1.2],
              [-0.4, 1.0, -1.7, 0.0, -3.3, -1.4],
              [-0.9, -1.1, -1.0, 1.4, 1.3, 1.2],
              [-0.7, 0.4, 0.4, -1.4, -0.2, -0.5]]),
    np.array([[-0.1, 0.7, 1.0, -0.1, 1.6, 0.9],
              [0.4, -1.0, -0.7, -0.6, -0.9, -0.1],
              [-0.4, 0.5, -1.4, 0.1, 0.6, 0.4],
              [1.4, -1.3, -1.3, -0.6, 1.6, -0.2],
              [-0.4, -0.6, -1.4, -1.0, 0.4, -0.8],
              [0.2, 0.5, 0.4, -0.5, 1.4, 2.3]]),
)
PUBLISHED_HEADS = 3


def cases(rng: np.random.Generator) -> dict[str, list[Case]]:
    """The cases of each exercise; hidden ones are drawn from `rng`."""
    same, first, second = _draw(rng, 5, 6), _draw(rng, 4, 10), _draw(rng, 7, 12)
    token, single = _draw(rng, 1, 8), _draw(rng, 4, 6)
    large, huge = _draw_large(rng, 50.0), _draw_large(rng, 3000.0)
    return {
        "self_attention": [
            Case("published", "the published data", PUBLISHED, "public"),
            Case("same_sizes", "other data of the published sizes", same),
            Case("other_sizes_1", "4 tokens of width 10", first),
            Case("other_sizes_2", "7 tokens of width 12", second),
            Case("one_token", "a single token", token, pays="edge"),
            Case("large_scores", "scores of 50 and more", large, pays="edge"),
            Case("huge_scores", "scores in the thousands", huge, pays="advice", advice=OVERFLOW),
        ],
        "multi_head_attention": [
            Case("published", "the published data, 3 heads", (*PUBLISHED, PUBLISHED_HEADS), "public"),
            Case("same_sizes", "other data of the published sizes", (*same, PUBLISHED_HEADS)),
            Case("other_sizes_1", "4 tokens of width 10, 2 heads", (*first, 2)),
            Case("other_sizes_2", "7 tokens of width 12, 4 heads", (*second, 4)),
            Case("one_head", "a single head", (*single, 1), pays="edge"),
            Case("one_token", "a single token", (*token, 2), pays="edge"),
            Case("large_scores", "scores of 50 and more", (*large, 2), pays="edge"),
        ],
    }


def examples() -> dict[str, list[Example]]:
    """Cases to follow by hand, smallest first: small whole numbers, 2 or 3 tokens."""
    two = tuple(np.array(rows, dtype=float) for rows in ([[1, 0], [1, 2]], [[1, 1], [0, 1]], [[2, 0], [1, 1]], [[1, 2], [3, 0]]))
    three = (np.array([[1.0, 0], [1, 2], [0, 1]]), *two[1:])
    wide = tuple(np.array(rows, dtype=float) for rows in (
        [[1, 0, 2, 1], [0, 1, 1, 2]],
        [[1, 0, 0, 1], [0, 1, 1, 0], [1, 0, 1, 0], [0, 0, 1, 1]],
        [[1, 1, 0, 0], [0, 1, 0, 1], [0, 0, 1, 1], [1, 0, 0, 1]],
        [[1, 0, 2, 0], [0, 1, 0, 3], [2, 0, 1, 0], [0, 1, 0, 1]],
    ))
    long = (np.array([[1.0, 0, 2, 1], [0, 1, 1, 2], [2, 1, 0, 1]]), *wide[1:])
    return {
        "self_attention": [
            Example(f"{len(data[0])} tokens of width 2", data, _single_steps(*data)) for data in (two, three)
        ],
        "multi_head_attention": [
            Example(f"{len(data[0])} tokens of width 4, 2 heads", (*data, 2), _head_steps(*data)) for data in (wide, long)
        ],
    }


def _single_steps(X: Matrix, Wq: Matrix, Wk: Matrix, Wv: Matrix) -> tuple[tuple[str, Matrix], ...]:
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    scores = Q @ K.T / np.sqrt(K.shape[1])
    weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return (("Q = X Wq", Q), ("K = X Wk", K), ("V = X Wv", V), ("scores = Q Kᵀ / √d_k", scores),
            ("attention_weights", weights), ("output", weights @ V))


def _head_steps(X: Matrix, Wq: Matrix, Wk: Matrix, Wv: Matrix) -> tuple[tuple[str, Matrix], ...]:
    halves = (slice(0, 2), slice(2, 4))
    heads = [_single_steps(X, Wq[:, half], Wk[:, half], Wv[:, half]) for half in halves]
    shown = [(f"head {number}: {label.replace('attention_weights', 'weights')}", array)
             for number, steps in enumerate(heads, 1) for label, array in steps]
    (*_, (_, first_weights), (_, first)), (*_, (_, second_weights), (_, second)) = heads
    return (*shown, ("attention_weights", np.stack([first_weights, second_weights])), ("output", np.hstack([first, second])))


OVERFLOW = (
    "For scores in the thousands your softmax does not give the right weights any more: the exponential overflows. Subtracting "
    "each row's largest score before the exponential leaves the result unchanged and keeps it finite. No marks are lost."
)


def _draw(rng: np.random.Generator, tokens: int, width: int) -> Inputs:
    """Random inputs whose scaled scores are of order 1, so that a softmax is far from uniform and far from one-hot."""
    X = rng.normal(size=(tokens, width))
    Wq, Wk, Wv = rng.normal(scale=1.5 / np.sqrt(width), size=(3, width, width))
    return X, Wq, Wk, Wv


def _draw_large(rng: np.random.Generator, largest: float) -> Inputs:
    """Inputs with large scaled scores that stay close together within a row.

    Similar tokens, and keys close to queries: each of two heads reaches `largest`, a single head at most 1.5 times that.
    """
    width = 8
    X = rng.normal(size=width) + 0.1 * rng.normal(size=(6, width))
    Wq, Wv = rng.normal(scale=1 / np.sqrt(width), size=(2, width, width))
    Wk = Wq + 0.05 * rng.normal(size=(width, width))
    for half in (slice(0, 4), slice(4, 8)):
        scores = (X @ Wq[:, half]) @ (X @ Wk[:, half]).T / np.sqrt(width / 2)
        Wq[:, half] *= np.sqrt(largest / scores.max())
        Wk[:, half] *= np.sqrt(largest / scores.max())
    return X, Wq, Wk, Wv
