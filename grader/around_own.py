"""A later exercise's variants around the student's own earlier functions, which are run for what these need."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from grader.assignment import Assignment
from grader.checks import Heard
from grader.checks.reading import read_raw
from grader.lattice import ExerciseLattice, RawAnswer
from grader.lay_plan import identify_call
from grader.make_plan import Solution
from grader.model import Answer, Extraction, Invocation, Returned
from grader.plan import ExercisePlan, Plan
from grader.sandbox import Box
from grader.variants import build_on_top, list_parts

MOST_TIMES = 16
"""How much larger than the largest of a call's arguments and right answers a student's own array may be to be built upon."""


def build_around_own(
    plan: Plan, assignment: Assignment, box: Box, exercise: ExercisePlan, heard: Mapping[str, Heard], extraction: Extraction
) -> ExerciseLattice:
    """See `name_slips.AroundOwn`."""
    answers: dict[object, RawAnswer] = {}
    parts = list_parts(plan, assignment, exercise)
    for name in exercise.spec.builds_on:
        program, asked = extraction.slices[name].program, [part for part in parts if part.function == name]
        if program is None or name not in heard:
            continue
        turned = "results_swapped" in heard[name].judgement.found
        for part, reply in zip(asked, box.run(program, asked).replies, strict=True):
            if isinstance(reply, Returned):
                own = read_raw(reply.value, plan.exercises[name].spec.returns, turned=turned)
                if _is_of_likely_size(own, part, Solution(assignment).answer(part)):
                    answers[identify_call(part)] = own
    return build_on_top(plan, assignment, exercise, answers)


def _is_of_likely_size(own: RawAnswer, part: Invocation, right: Answer) -> bool:
    """Whether a slip may have made arrays as large: each is held, and joined to others, once for every variant that asks."""
    given = [argument.size for argument in part.arguments if isinstance(argument, np.ndarray)]
    most = MOST_TIMES * max([*given, *(array.size for array in right.values())])
    return all(array.size <= most for array in own)
