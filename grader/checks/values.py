"""Are the numbers right: each returned array of each case against the reference's, within the assignment's tolerance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from grader.checks.reading import Reading
from grader.checks.replies import Replies, tell
from grader.messages import join, say, sentence
from grader.model import Answer, Array, Case, Finding, Notice, Outcome, Raised, Slice
from grader.plan import ExercisePlan, Plan, PlannedCase, differs


def check_values(
    plan: Plan, exercise: ExercisePlan, replies: Replies, piece: Slice, expected: tuple[Answer, ...]
) -> Iterator[Finding]:
    """One finding for each case and returned array."""
    for planned in exercise.cases:
        if planned.case.pays != "advice":
            for spec in exercise.spec.returns:
                yield _check(plan, exercise, replies, piece, planned, spec.name, expected[planned.call])


def advise(plan: Plan, exercise: ExercisePlan, replies: Replies) -> Iterator[Notice]:
    """Notices for cases that cost nothing and were not met."""
    for planned in exercise.cases:
        if planned.case.pays == "advice":
            heard, expected = replies.by_call[planned.call][0], exercise.expected[planned.call]
            met = isinstance(heard, Reading) and not any(
                differs(array, expected[name], plan.assignment) for name, array in heard.answer.items()
            )
            if not met:
                yield Notice(planned.case.id, plan.assignment.told(planned.case.advice))


def _check(
    plan: Plan, exercise: ExercisePlan, replies: Replies, piece: Slice, planned: PlannedCase, name: str, expected: Answer
) -> Finding:
    trouble = replies.trouble(planned.call)
    if trouble is not None:
        words = tell(trouble, piece, exercise.name) if isinstance(trouble, Raised) else trouble
        return _finding(plan, exercise, planned.case, name, "failed", sentence(words))
    for heard in replies.by_call[planned.call]:
        assert isinstance(heard, Reading)  # anything else is trouble
        if name in heard.left_out:
            reason = say("`{name}` was not returned, which this assignment allows", name=name)
            return _finding(plan, exercise, planned.case, name, "skipped", reason, applies=False)
        if name not in heard.answer:
            return _finding(plan, exercise, planned.case, name, "failed", sentence(heard.problems[name]))
        if differs(heard.answer[name], expected[name], plan.assignment):
            message = _describe(exercise, name, planned.case, heard.answer[name], expected[name], plan)
            return _finding(plan, exercise, planned.case, name, "failed", message)
    return _finding(plan, exercise, planned.case, name, "passed", "")


def _finding(
    plan: Plan, exercise: ExercisePlan, case: Case, name: str, outcome: Outcome, message: str, *, applies: bool = True
) -> Finding:
    title = say("{name} for {case}", name=name, case=plan.assignment.told(case.title))
    return Finding(
        f"values.{case.id}.{name}", title, case.visibility, outcome, message, f"values.{case.id}",
        "edge" if case.pays == "edge" else "value", 1 / len(exercise.spec.returns), applies,
    )


def _describe(exercise: ExercisePlan, name: str, case: Case, actual: Array, expected: Array, plan: Plan) -> str:
    """How far off; of a hidden case neither inputs nor expected numbers."""
    if not np.isfinite(actual).all():
        count = int((~np.isfinite(actual)).sum())
        return say("{count} of {size} numbers in `{name}` are NaN or infinite.", count=count, size=actual.size, name=name)
    gaps = np.abs(actual - expected)
    wrong = int((gaps > plan.assignment.tolerance.relative * np.abs(expected).max()).sum())
    counted = (say("{count} of {size} numbers in `{name}` differ", count=wrong, size=actual.size, name=name) if wrong > 1 else
               say("{count} of {size} numbers in `{name}` differs", count=wrong, size=actual.size, name=name))
    if case.visibility == "hidden":
        return say("{counted}, by up to {gap:.2g}.", counted=counted, gap=float(gaps.max()))
    at = np.unravel_index(int(gaps.argmax()), gaps.shape)
    axes = next(spec.axes for spec in exercise.spec.returns if spec.name == name).split()
    place = join((f"{axis} {int(index) + 1}" for axis, index in zip(axes, at, strict=True)), ", ")
    return say(
        "{counted}; the largest difference is {gap:.3g}, at {place}: yours is {yours:.4g}, expected is {expected:.4g}.",
        counted=counted, gap=float(gaps[at]), place=place, yours=float(actual[at]), expected=float(expected[at]),
    )
