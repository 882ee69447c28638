"""What students compute instead: one parameterised implementation of each function, whose axes are those of the slips.

A variant is a choice on each axis; the words for each slip stand in misconceptions.toml. Slips of form (results in another order,
a size written down, ...) are found by the checks and have no variant here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.model import Variant

Matrix = NDArray[Any]
Attention = Callable[..., tuple[Matrix, Matrix]]

SCALE = ("no_scale", "scale_by_dk", "scale_by_sqrt_n", "scale_fourth_root", "scale_multiplied", "scale_after_softmax")
SOFTMAX = ("softmax_over_queries", "softmax_over_all", "softmax_missing", "softmax_sigmoid", "softmax_linear",
           "softmax_sum_not_kept", "softmax_max_not_kept", "softmax_after_values")
SCORES = ("queries_keys_swapped", "attends_over_features")
VALUES = ("values_are_inputs", "values_are_keys", "keys_from_wq")
AXES = {"scale": SCALE, "softmax": SOFTMAX, "scores": SCORES, "values": VALUES, "mixing": ("weights_transposed",),
        "projection": ("projection_transposed",), "result": ("output_transposed",)}
HEAD_AXES = {
    "scale": ("head_scale_full_d",),
    "split": ("heads_not_split", "single_attention", "heads_split_tokens", "heads_split_inputs", "heads_split_rows",
              "heads_interleaved", "heads_reversed", "first_head_repeated"),
    "merge": ("heads_summed", "heads_averaged", "heads_stacked_on_tokens", "merge_without_transpose"),
    "weights": ("last_head_weights_only", "head_weights_averaged"),
    "result": ("output_transposed",),
}
HANDED_OVER = ("queries_keys_swapped", "values_are_inputs", "values_are_keys", "keys_from_wq", "projection_transposed")
"""Slips that can be made by handing the wrong matrices to a function that is right."""


@dataclass(frozen=True)
class Choice:
    """The slips made inside one attention, and the free choices that a slip leaves to its author.

    `shift` is what is subtracted before the exponential: it cancels in a right softmax, and shows in some wrong ones.
    `spelling` tells apart ways of writing a slip that return different numbers.
    """

    slips: frozenset[str] = frozenset()
    shift: str = "row"
    spelling: int = 0
    width: int = 0

    def one_of(self, axis: tuple[str, ...]) -> str:
        """The slip made on an axis, or ""."""
        return next((slip for slip in axis if slip in self.slips), "")


# --- one attention ----------------------------------------------------------------------------------------------------


def attend(X: Matrix, Wq: Matrix, Wk: Matrix, Wv: Matrix, choice: Choice) -> tuple[Matrix, Matrix]:
    """Self-attention with slips; shapes as in solution.py."""
    if "projection_transposed" in choice.slips:
        Wq, Wk, Wv = Wq.T, Wk.T, Wv.T
    Q, K = X @ Wq, X @ (Wq if "keys_from_wq" in choice.slips else Wk)
    V = {"values_are_inputs": X, "values_are_keys": K}.get(choice.one_of(VALUES), X @ Wv)
    return mix(Q, K, V, choice)


def mix(Q: Matrix, K: Matrix, V: Matrix, choice: Choice) -> tuple[Matrix, Matrix]:
    """What follows the projections: scores, scale, softmax, mixing."""
    if "queries_keys_swapped" in choice.slips:
        Q, K = K, Q
    scores = _scale(Q.T @ K if "attends_over_features" in choice.slips else Q @ K.T, K, choice)
    if "softmax_after_values" in choice.slips:
        output, weights = _softmax(_combine(scores, V, choice), Choice()), scores
    else:
        weights = _softmax(scores, choice)
        if "scale_after_softmax" in choice.slips:
            scaled = weights / np.sqrt(K.shape[1])
            output, weights = _combine(scaled, V, choice), (weights if choice.spelling else scaled)
        else:
            output = _combine(weights, V, choice)
    return (output.T if "output_transposed" in choice.slips else output), weights


def _scale(scores: Matrix, K: Matrix, choice: Choice) -> Matrix:
    tokens, width = K.shape
    divisors: dict[str, float] = {
        "no_scale": 1.0, "scale_by_dk": width, "scale_by_sqrt_n": np.sqrt(tokens), "scale_fourth_root": width**0.25,
        "scale_multiplied": 1 / np.sqrt(width), "scale_after_softmax": 1.0, "head_scale_full_d": np.sqrt(choice.width or width),
    }
    divided: Matrix = scores / divisors.get(choice.one_of((*SCALE, "head_scale_full_d")), np.sqrt(width))
    return divided


def _softmax(scores: Matrix, choice: Choice) -> Matrix:
    slips = choice.slips
    weights: Matrix
    if "softmax_missing" in slips:
        return scores
    if "softmax_sigmoid" in slips:
        weights = 1 / (1 + np.exp(-scores))
        return weights
    if "softmax_linear" in slips:
        weights = scores / scores.sum(axis=1, keepdims=True)
        return weights
    if "softmax_max_not_kept" in slips:
        exponentials = np.exp(scores - scores.max(axis=1))
    else:
        exponentials = np.exp(scores - (scores.max(axis=1, keepdims=True) if choice.shift == "row" else scores.max()))
    if "softmax_over_queries" in slips:
        weights = exponentials / exponentials.sum(axis=0, keepdims=True)
    elif "softmax_over_all" in slips:
        weights = exponentials / exponentials.sum()
    else:
        weights = exponentials / exponentials.sum(axis=1, keepdims="softmax_sum_not_kept" not in slips)
    return weights


def _combine(weights: Matrix, V: Matrix, choice: Choice) -> Matrix:
    turned = weights.T if "weights_transposed" in choice.slips else weights
    if "attends_over_features" in choice.slips:
        return V @ turned if choice.spelling else V @ turned.T
    return turned @ V


def _choices(slips: frozenset[str]) -> Iterator[Choice]:
    """Every way of writing the same slips."""
    plain = Choice(slips)
    yield plain
    if slips & {"softmax_over_queries", "softmax_over_all", "softmax_sum_not_kept"}:
        yield replace(plain, shift="all")
    if slips & {"scale_after_softmax", "attends_over_features"}:
        yield replace(plain, spelling=1)


# --- several heads ----------------------------------------------------------------------------------------------------


def attend_by_heads(
    X: Matrix, Wq: Matrix, Wk: Matrix, Wv: Matrix, H: int, *, slips: frozenset[str], spelling: int, head: Attention,
    mix_head: Callable[..., tuple[Matrix, Matrix]],
) -> tuple[Matrix, Matrix]:
    """Multi-head attention with slips; `head` is one attention on X and weights, `mix_head` the same from Q, K and V."""
    if "single_attention" in slips:
        output, weights = head(X, Wq, Wk, Wv)
        return output, (np.stack([weights] * H) if spelling else weights)
    results = list(_heads(X, (Wq, Wk, Wv), H, slips, spelling, head, mix_head))
    outputs, weights = [output for output, _ in results], np.stack([weight for _, weight in results])
    if "heads_reversed" in slips:
        outputs, weights = outputs[::-1], weights if spelling else weights[::-1]
    if "last_head_weights_only" in slips:
        weights = weights[-1]
    elif "head_weights_averaged" in slips:
        weights = weights.mean(axis=0)
    if "heads_interleaved" in slips and spelling:
        outputs = [np.stack(outputs, axis=-1).reshape(len(outputs[0]), -1)]
    merged = _merge(outputs, slips)
    return (merged.T if "output_transposed" in slips else merged), weights


def _heads(
    X: Matrix, weights: tuple[Matrix, ...], H: int, slips: frozenset[str], spelling: int, head: Attention,
    mix_head: Callable[..., tuple[Matrix, Matrix]],
) -> Iterator[tuple[Matrix, Matrix]]:
    tokens, width = X.shape[0], weights[0].shape[1] // H
    if "heads_split_tokens" in slips:
        for Q, K, V in zip(*((X @ W).reshape(H, tokens, width) for W in weights), strict=True):
            yield mix_head(Q, K, V)
        return
    for index in range(H):
        block = slice(index * width, (index + 1) * width)
        if "heads_not_split" in slips:
            yield head(X, *weights)
        elif "heads_split_inputs" in slips:
            columns = (block, slice(None), slice(0, width), slice(None))[spelling]
            yield head(X[:, block], *(W[:width, columns] if spelling > 1 else W[block, columns] for W in weights))
        elif "heads_split_rows" in slips:
            yield head(X[:, block], *(W[block] for W in weights)) if spelling else head(X, *(W[block].T for W in weights))
        elif "heads_interleaved" in slips:
            yield head(X, *(W[:, index::H] for W in weights))
        elif "first_head_repeated" in slips:
            yield head(X, *(W[:, :width] for W in weights))
        else:
            yield head(X, *(W[:, block] for W in weights))


def _merge(outputs: list[Matrix], slips: frozenset[str]) -> Matrix:
    merged: Matrix
    if slips & {"heads_summed", "heads_averaged"}:
        merged = np.stack(outputs).sum(axis=0)
        return merged / len(outputs) if "heads_averaged" in slips else merged
    if "heads_stacked_on_tokens" in slips:
        return np.concatenate(outputs, axis=0)
    if "merge_without_transpose" in slips:
        return np.stack(outputs).reshape(outputs[0].shape[0], -1)
    return np.concatenate(outputs, axis=1)


# --- all variants -----------------------------------------------------------------------------------------------------


def variants(exercise: str, earlier: Mapping[str, Callable[..., Any]]) -> Iterator[Variant]:
    """Every single slip and every pair on different axes, of one exercise.

    `earlier` holds the functions of earlier exercises: the reference's, or a student's own for what is to be explained on
    top of them.
    """
    if exercise == "self_attention":
        for slips in _combinations(AXES):
            for choice in _choices(slips):
                yield Variant(slips, partial(attend, choice=choice))
    else:
        yield from _multi_head_variants(earlier["self_attention"])


def _combinations(axes: Mapping[str, tuple[str, ...]]) -> Iterator[frozenset[str]]:
    """All singles, all pairs on different axes, and the pairs on one axis that can be made together."""
    for group in axes.values():
        yield from (frozenset({slip}) for slip in group)
    for one, other in combinations(axes.values(), 2):
        yield from (frozenset({first, second}) for first in one for second in other)
    if axes is AXES:
        yield frozenset({"softmax_sum_not_kept", "softmax_max_not_kept"})
        yield frozenset({"attends_over_features", "queries_keys_swapped"})


def _multi_head_variants(own: Attention) -> Iterator[Variant]:
    inside = [frozenset[str](), *_combinations(AXES)]
    outside = [frozenset[str](), *(slips for slips in _combinations(HEAD_AXES) if "head_scale_full_d" not in slips)]
    for outer in outside:
        for spelling in _spellings(outer):
            if "heads_split_tokens" not in outer:
                yield Variant(outer, _on_top(outer, spelling, own), on_earlier=True)
                if len(outer) < 2:
                    for slip in HANDED_OVER:
                        yield Variant(outer | {slip}, _handed_over(slip, _on_top(outer, spelling, own)), on_earlier=True)
            for inner in inside:
                if len(inner) + len(outer) in (1, 2) and (inner or "heads_split_tokens" in outer):
                    yield from _written_out(inner, outer, spelling)
            if len(outer) < 2:
                yield from _written_out(frozenset({"head_scale_full_d"}), outer, spelling)
    for inner in _combinations({name: group for name, group in AXES.items() if name != "scale"}):
        if len(inner) == 1:
            yield from _written_out(inner | {"head_scale_full_d"}, frozenset(), 0)


def _spellings(outer: frozenset[str]) -> tuple[int, ...]:
    if "heads_split_inputs" in outer:
        return 0, 1, 2, 3
    return (0, 1) if outer & {"single_attention", "heads_split_rows", "heads_interleaved", "heads_reversed"} else (0,)


def _on_top(outer: frozenset[str], spelling: int, own: Attention) -> Callable[..., tuple[Matrix, Matrix]]:
    """Heads around the earlier exercise's function, whatever that computes."""

    def run(X: Matrix, Wq: Matrix, Wk: Matrix, Wv: Matrix, H: int) -> tuple[Matrix, Matrix]:
        return attend_by_heads(X, Wq, Wk, Wv, H, slips=outer, spelling=spelling, head=own, mix_head=mix)

    return run


def _handed_over(slip: str, run: Attention) -> Attention:
    """`run` with the matrices that this slip hands over."""

    def handed(X: Matrix, Wq: Matrix, Wk: Matrix, Wv: Matrix, H: int) -> tuple[Matrix, Matrix]:
        matrices = {
            "queries_keys_swapped": (Wk, Wq, Wv), "values_are_inputs": (Wq, Wk, np.eye(X.shape[1])),
            "values_are_keys": (Wq, Wk, Wk), "keys_from_wq": (Wq, Wq, Wv), "projection_transposed": (Wq.T, Wk.T, Wv.T),
        }
        return run(X, *matrices[slip], H)

    return handed


def _written_out(inner: frozenset[str], outer: frozenset[str], spelling: int) -> Iterator[Variant]:
    """Heads around an attention written out, with slips of its own."""
    for choice in _choices(inner):

        def run(X: Matrix, Wq: Matrix, Wk: Matrix, Wv: Matrix, H: int, choice: Choice = choice) -> tuple[Matrix, Matrix]:
            if "projection_transposed" in inner:  # of the whole matrices, before they are split
                Wq, Wk, Wv = Wq.T, Wk.T, Wv.T
            known = replace(choice, width=X.shape[1], slips=choice.slips - {"projection_transposed"})
            return attend_by_heads(
                X, Wq, Wk, Wv, H, slips=outer, spelling=spelling, head=partial(attend, choice=known),
                mix_head=partial(mix, choice=known),
            )

        yield Variant(inner | outer, run)
        if "values_are_inputs" in inner:  # X cut into the heads' blocks, in place of X whole in each
            rest = replace(choice, slips=choice.slips - {"values_are_inputs"})

            def run_cut(X: Matrix, Wq: Matrix, Wk: Matrix, _: Matrix, H: int, rest: Choice = rest) -> tuple[Matrix, Matrix]:
                if "projection_transposed" in inner:
                    Wq, Wk = Wq.T, Wk.T
                known = replace(rest, width=X.shape[1], slips=rest.slips - {"projection_transposed"})
                return attend_by_heads(
                    X, Wq, Wk, np.eye(X.shape[1]), H, slips=outer, spelling=spelling, head=partial(attend, choice=known),
                    mix_head=partial(mix, choice=known),
                )

            yield Variant(inner | outer, run_cut)
