"""A wrong exercise's answers against the lattice: the fewest slips that explain all of them exactly, or nothing at all.

Pure: arrays in, names out. An explanation must fit every answer of every case, output and whatever else was returned together; a
name that only nearly fits is worse than none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from grader.lattice import FEWEST_CALLS, ExerciseLattice, RawAnswer
from grader.model import Array, Explanation
from grader.plan import Plan, differs
from grader.task import Returns

MOST_ALIASES = 20


def explain(
    plan: Plan, specs: Sequence[Returns], lattice: ExerciseLattice, heard: Mapping[int, RawAnswer], order: Sequence[str]
) -> Explanation | None:
    """The explanation of what an exercise returned for its calls (`heard`, by position in the plan), or None.

    Of several sets of slips that fit, the smallest is named, the earliest in `order` among equals; the others are its aliases.
    """
    positions = [position for position, call in enumerate(lattice.calls) if call in heard]
    if len(positions) < FEWEST_CALLS:
        return None
    answers = {position: heard[lattice.calls[position]] for position in positions}
    fullest = max(positions, key=lambda at: sum(array.size for array in answers[at]))
    fitting = {
        lattice.entries[index].slips for index in _shortlist(lattice, fullest, answers[fullest][0])
        if sum(bool(lattice.entries[index].answers[at]) for at in positions) >= FEWEST_CALLS
        and all(_fits(plan, specs, lattice.entries[index].answers[at], answer) for at, answer in answers.items())
    }
    named = [tuple(sorted(slips, key=order.index)) for slips in fitting]
    ranked = sorted(named, key=lambda slips: (len(slips), *map(order.index, slips)))
    if not ranked or not ranked[0]:  # nothing fits, or no slip at all does, on top of an earlier function that is wrong
        return None
    return Explanation(ranked[0], tuple(ranked[1:1 + MOST_ALIASES]))


def _shortlist(lattice: ExerciseLattice, position: int, first: Array) -> set[int]:
    """Entries whose first array agrees at one call, and those whose numbers are not finite there and say nothing."""
    silent = lattice.silent[position]
    shelf = lattice.shelves[position].get(first.shape)
    if shelf is None:
        return set(silent)
    gaps = np.abs(shelf.rows - first.ravel()).max(axis=1, initial=0.0)
    return {*silent, *(int(index) for index in shelf.entries[gaps <= shelf.allowed])}


def _fits(plan: Plan, specs: Sequence[Returns], variant: RawAnswer | None, answer: RawAnswer) -> bool:
    """Whether a variant gives this answer: it raises where it is None, and says nothing where it is empty."""
    if variant is None:
        return False
    if variant and differs(answer[0], variant[0], plan.assignment):
        return False
    rest = zip(specs[1:], answer[1:], variant[1:], strict=False)
    return all(_same(plan, spec, theirs, ours) for spec, theirs, ours in rest)


def _same(plan: Plan, spec: Returns, theirs: Array, ours: Array) -> bool:
    """Whether two arrays agree, in any layout the assignment accepts, or merely written in another shape."""
    axes = spec.axes.split()
    layouts = [theirs]
    if theirs.ndim == ours.ndim == len(axes):
        layouts += [theirs.transpose([layout.index(axis) for axis in axes]) for other in spec.also
                    if len(layout := other.split()) == len(axes)]
    if theirs.size == ours.size:
        layouts.append(theirs.reshape(ours.shape))
    return any(one.shape == ours.shape and not differs(one, ours, plan.assignment) for one in layouts)
