"""A returned value -> named arrays in the assignment's own axes, with what was odd about it in words.

The value was rebuilt from bytes by the sandbox, so its arrays are plain; what they hold is still the student's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from grader.checks.phrases import recognise_kind
from grader.messages import join_with_and, say
from grader.model import Answer, Array, Items, Opaque, Tree
from grader.task import Returns

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reading:
    """One answer, read. `problems` says why a name is not in `answer`, or what is wrong with it although it is; `left_out`
    holds names that were not returned and need not be; `raw` the real arrays in the declared order, whatever their shapes."""

    answer: Answer
    problems: Mapping[str, str]
    left_out: frozenset[str] = frozenset()
    found: frozenset[str] = frozenset()
    raw: tuple[Array, ...] = ()


def read_value(value: Tree, specs: Sequence[Returns], expected: Answer) -> Reading:
    """Find each declared array in a returned value, in whichever accepted layout it came."""
    parts = list(value.items) if isinstance(value, Items) and _is_several(value, specs) else [value]
    surplus = parts[len(specs):]
    in_order = _match(parts, specs, expected)
    if len(specs) > 1 and len(parts) >= len(specs) and not in_order.answer:
        turned = _match([*reversed(parts[:len(specs)])], specs, expected)
        if specs[0].name in turned.answer:  # the others may be of a wrong shape besides
            names = join_with_and(spec.name for spec in specs)
            note = {specs[0].name: say("the results come back in another order than {names}", names=names)}
            return Reading(turned.answer, {**turned.problems, **note}, found=frozenset({"results_swapped"}), raw=turned.raw)
    if surplus:
        words = say("{count} values are returned where {wanted} were asked for", count=len(parts), wanted=len(specs))
        note = {specs[0].name: words}
        return replace(in_order, problems={**in_order.problems, **note})
    return in_order


def _is_several(value: Items, specs: Sequence[Returns]) -> bool:
    """Whether a tuple or list holds the declared arrays, rather than being one of them cut into pieces."""
    return len(specs) > 1 and (value.kind == "tuple" or len(value.items) >= len(specs)) and len(value.items) > 0


def _match(parts: Sequence[Tree], specs: Sequence[Returns], expected: Answer) -> Reading:
    answer: dict[str, Array] = {}
    problems: dict[str, str] = {}
    left_out = set()
    for index, spec in enumerate(specs):
        if index >= len(parts):
            if spec.optional:
                left_out.add(spec.name)
            else:
                problems[spec.name] = say("`{name}` is not returned", name=spec.name)
            continue
        array, problem = _read_array(parts[index], spec, expected[spec.name])
        if array is not None:
            answer[spec.name] = array
        if problem:
            problems[spec.name] = problem
    found = {"result_left_out"} if len(parts) < len(specs) and len(specs) - len(parts) > len(left_out) and answer else set()
    return Reading(answer, problems, frozenset(left_out), frozenset(found), _raw(parts[:len(specs)]))


def read_raw(value: Tree, specs: Sequence[Returns], *, turned: bool) -> tuple[Array, ...]:
    """The arrays of a returned value whatever their shapes; `turned` when they are known to come in the other order."""
    parts = list(value.items) if isinstance(value, Items) and _is_several(value, specs) else [value]
    return _raw(parts[len(specs) - 1::-1] if turned else parts[:len(specs)])


def _raw(parts: Sequence[Tree]) -> tuple[Array, ...]:
    """The leading parts that are arrays of real numbers."""
    arrays: list[Array] = []
    for part in parts:
        array, _ = _as_array(part)
        if array is None or array.dtype.kind == "c" or not np.isfinite(array).all():
            break
        arrays.append(array.astype(float))
    return tuple(arrays)


def _read_array(part: Tree, spec: Returns, expected: Array) -> tuple[Floats | None, str]:
    """(the array in the declared axes or None, what is wrong with it or "")."""
    array, problem = _as_array(part)
    if array is None:
        return None, say("`{name}` is {problem}", name=spec.name, problem=problem)
    if array.dtype.kind == "c":
        return None, say("`{name}` holds complex numbers", name=spec.name)
    candidates = list(_layouts(array, spec, expected))
    if not candidates:
        axes = " × ".join(spec.axes.split())
        return None, say("`{name}` has shape {shape} where {wanted} ({axes}) was asked for",
                         name=spec.name, shape=_shape(array), wanted=_shape(expected), axes=axes)
    best = min(candidates, key=lambda candidate: _distance(candidate, expected))
    if not np.isfinite(best).all():
        return best, say("`{name}` holds {counted}", name=spec.name, counted=_count_not_finite(best))
    return best, ""


def _as_array(part: Tree) -> tuple[Array | None, str]:
    if isinstance(part, Opaque):
        return None, recognise_kind(part.description)
    if isinstance(part, np.ndarray):
        return part, ""
    pieces = [_as_array(item)[0] for item in part.items]
    arrays = [piece for piece in pieces if piece is not None]
    if not arrays or len(arrays) < len(pieces):
        return None, say("a {kind} that does not hold arrays alone", kind=part.kind)
    if len({array.shape for array in arrays}) > 1:
        return None, say("a {kind} of arrays of different shapes", kind=part.kind)
    return np.stack(arrays), ""


def _layouts(array: Array, spec: Returns, expected: Array) -> list[Floats]:
    """The array in the declared axes, once for each accepted layout that its shape fits."""
    axes = spec.axes.split()
    sizes = dict(zip(axes, expected.shape, strict=True))
    fitting = []
    for layout in (axes, *(other.split() for other in spec.also)):
        absent = [axis for axis in axes if axis not in layout]
        if array.shape != tuple(sizes[axis] for axis in layout) or any(sizes[axis] != 1 for axis in absent):
            continue
        full = array.astype(float).reshape([*array.shape, *(1 for _ in absent)])
        order = [*layout, *absent]
        fitting.append(full.transpose([order.index(axis) for axis in axes]))
    return fitting


def _distance(array: Floats, expected: Array) -> float:
    with np.errstate(all="ignore"):
        distance = float(np.abs(array - expected).sum())
    return distance if np.isfinite(distance) else float("inf")


def _count_not_finite(array: Floats) -> str:
    nans, infinite = int(np.isnan(array).sum()), int(np.isinf(array).sum())
    parts = [say("{count} NaN", count=nans)] * bool(nans) + [say("{count} infinite", count=infinite)] * bool(infinite)
    return say("{counted} of {size} numbers", counted=join_with_and(parts), size=array.size)


def _shape(array: Array) -> str:
    return "(" + ", ".join(str(size) for size in array.shape) + ")" if array.ndim != 1 else f"({array.shape[0]},)"
