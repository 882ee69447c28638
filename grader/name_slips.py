"""A wrong exercise, heard and judged -> its judgement with the slips that explain it.

Around a right earlier function, or none, the lattice of the plan is searched. Around a wrong one the variants are computed anew
on the student's own earlier answers, so that a slip in an earlier exercise is never named again in a later one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from grader.checks import Heard, any_wrong, calls_of_published_sizes, carries, raw_answers
from grader.diagnose import explain
from grader.lattice import ExerciseLattice, Lattice, RawAnswer
from grader.messages import say
from grader.model import Explanation, Extraction, Judgement
from grader.plan import ExercisePlan, Plan

AroundOwn = Callable[[ExercisePlan, Mapping[str, Heard], Extraction], ExerciseLattice]
"""The variants of an exercise around the student's own earlier functions."""


def name_slips(
    plan: Plan, lattice: Lattice, name: str, heard: Mapping[str, Heard], extraction: Extraction,
    around_own: AroundOwn | None = None,
) -> Judgement:
    """The judgement of exercise `name`, with an explanation where one fits all that it returned.

    Without `around_own` nothing is named that stands on a wrong earlier part.
    """
    judgement, exercise = heard[name].judgement, plan.exercises[name]
    if name not in lattice or judgement.verdict != "incorrect":
        return judgement
    called = [part for part in exercise.spec.builds_on if part in extraction.slices[name].uses]
    wrong = [part for part in called if part not in heard or heard[part].judgement.verdict != "correct"]
    if wrong:
        if around_own is None or not all(part in heard and carries(plan, plan.exercises[part], heard[part]) for part in wrong):
            return judgement
        own = around_own(exercise, heard, extraction)
        return replace(judgement, explanation=_explain(plan, exercise, lattice, own, raw_answers(heard[name], own.calls)))
    raw = raw_answers(heard[name], lattice[name].calls)
    published = calls_of_published_sizes(exercise)
    other_sizes = {planned.call for planned in exercise.cases if planned.case.pays == "value"} - published
    raises_elsewhere = bool(other_sizes) and other_sizes.isdisjoint(raw)
    explanation = _explain(plan, exercise, lattice, lattice[name], raw)
    if explanation:
        blamed = called[-1] if called and _around(lattice[name]).isdisjoint(explanation.slips) else ""
        message = judgement.message
        if blamed:
            message = say("{message} The slip stands in your `{name}`, which this part calls.", message=message, name=blamed)
        found = judgement.found | ({"size_fixed"} if raises_elsewhere else set())
        explanation = replace(explanation, in_earlier=blamed)
        return replace(judgement, found=found, message=message, explanation=explanation)
    if not any_wrong(judgement, exercise, published):
        return judgement
    fewer = {call: answer for call, answer in raw.items() if call in published}
    reads_sizes = not extraction.slices[name].own_uses.isdisjoint(plan.assignment.data.sizes)
    explanation = _explain(plan, exercise, lattice, lattice[name], fewer) if raises_elsewhere or reads_sizes else None
    if explanation:
        return replace(judgement, explanation=explanation, found=judgement.found | {"size_fixed"})
    return judgement


def _explain(
    plan: Plan, exercise: ExercisePlan, whole: Lattice, lattice: ExerciseLattice, raw: Mapping[int, RawAnswer]
) -> Explanation | None:
    """Of equal explanations, the one by slips that only this exercise knows comes first."""
    earlier = {slip for part in exercise.spec.builds_on if part in whole for entry in whole[part].entries for slip in entry.slips}
    order = sorted(plan.assignment.slips, key=lambda slip: slip in earlier)
    return explain(plan, exercise.spec.returns, lattice, raw, order)


def _around(lattice: ExerciseLattice) -> set[str]:
    """Slips that can be made around an earlier function, rather than only inside it."""
    return {slip for entry in lattice.entries if entry.on_earlier for slip in entry.slips}
