"""The reference: what every expected tensor comes from. It never enters the box.

Vaswani et al. (2017), "Attention Is All You Need", section 3.2, without the output projection, as the hand-out asks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def softmax(scores: Matrix) -> Matrix:
    """Softmax over the last axis, stable for scores of any size."""
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights: Matrix = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return weights


def self_attention(X: Matrix, Wq: Matrix, Wk: Matrix, Wv: Matrix) -> tuple[Matrix, Matrix]:
    """Scaled dot-product self-attention.

    X is (N, D); Wq, Wk are (D, d_k); Wv is (D, d_v). Returns the output (N, d_v) and the attention weights (N, N), one
    row per query.
    """
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    attention_weights = softmax(Q @ K.T / np.sqrt(K.shape[-1]))
    return attention_weights @ V, attention_weights


def multi_head_attention(X: Matrix, Wq: Matrix, Wk: Matrix, Wv: Matrix, H: int) -> tuple[Matrix, Matrix]:
    """Multi-head self-attention: head h uses the h-th block of D/H columns of each weight matrix.

    X is (N, D); Wq, Wk, Wv are (D, D), D divisible by H. Returns the heads' outputs side by side (N, D) and their
    attention weights (H, N, N).
    """
    blocks = zip(*(np.split(W, H, axis=1) for W in (Wq, Wk, Wv)), strict=True)
    heads = [self_attention(X, *block) for block in blocks]
    return np.concatenate([output for output, _ in heads], axis=1), np.stack([weights for _, weights in heads])
