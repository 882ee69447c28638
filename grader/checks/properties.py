"""Do the student's own answers stand in the relations that must hold whatever the expected values are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from grader.checks.contract import NO_ANSWER
from grader.checks.reading import Reading
from grader.checks.replies import Replies, raised_in_words
from grader.messages import join_with_and, say
from grader.model import Answer, Comparison, Finding, Notice, Outcome, Property
from grader.plan import ExercisePlan, Plan, PlannedProperty, differs


def check_properties(
    plan: Plan, exercise: ExercisePlan, replies: Mapping[str, Replies], wrong: frozenset[str], composed: Sequence[Answer] | None
) -> Iterator[Finding]:
    """One finding for each property that is no mere advice.

    `wrong` names the exercises on which no property may rely. `composed` holds, where the exercise is marked on top of an
    earlier wrong one, what a right function gives there: what that breaks too is not charged again.
    """
    for planned in exercise.properties:
        if not planned.property.advice:
            yield _check(plan, planned, replies, wrong, composed)


def advise_on_properties(plan: Plan, exercise: ExercisePlan, replies: Mapping[str, Replies]) -> Iterator[Notice]:
    """Notices for relations that cost nothing and do not hold; none where a call was not answered, since it need not be."""
    for planned in exercise.properties:
        if planned.property.advice and _check(plan, planned, replies, frozenset(), None).outcome == "failed":
            yield Notice(planned.property.id, plan.assignment.told(planned.property.advice))


def _check(
    plan: Plan, planned: PlannedProperty, replies: Mapping[str, Replies], wrong: frozenset[str], composed: Sequence[Answer] | None
) -> Finding:
    relation = planned.property
    unfair = [name for name in relation.relies_on if name in wrong]
    if unfair:
        reason = say("this compares with your {name}, which is not right yet", name=unfair[0])
        return _finding(plan, relation, "skipped", reason, applies=False)
    given = [replies[name].answer(call) if name in replies else None for name, call in planned.calls]
    answers = [answer for answer in given if answer is not None]
    if len(answers) < len(given):
        return _finding(plan, relation, "skipped", _why_none(planned, replies), answered=False)
    if _left_out(planned, replies):
        reason = say("{names} was not returned, which this assignment allows", names=join_with_and(relation.needs))
        return _finding(plan, relation, "skipped", reason, applies=False)
    try:
        with np.errstate(all="ignore"):  # a student's numbers are no matter for the terminal
            broken = _first_broken(plan, relation.compare(answers))
    except (KeyError, IndexError, ValueError):  # an array that came in a wrong shape is not in its answer
        return _finding(plan, relation, "skipped", NO_ANSWER, answered=False)
    if broken and composed is not None and _follows(plan, planned, replies, composed):
        reason = say("it cannot hold on top of your earlier function, and is not charged again")
        return _finding(plan, relation, "skipped", reason, applies=False)
    return _finding(plan, relation, "failed" if broken else "passed", broken)


def _why_none(planned: PlannedProperty, replies: Mapping[str, Replies]) -> str:
    """That there was no answer; and what the first call that was not answered raised, or why it was silent."""
    for name, call in planned.calls:
        trouble = replies[name].trouble(call) if name in replies else None
        if trouble:
            why = trouble if isinstance(trouble, str) else raised_in_words(trouble)
            return say("{nothing}: {why}", nothing=NO_ANSWER, why=why)
    return NO_ANSWER


def _finding(
    plan: Plan, relation: Property, outcome: Outcome, message: str, *, applies: bool = True, answered: bool = True
) -> Finding:
    key, title = f"property.{relation.id}", plan.assignment.told(relation.title)
    return Finding(key, title, relation.visibility, outcome, message, key, "guard", applies=applies, answered=answered)


def _left_out(planned: PlannedProperty, replies: Mapping[str, Replies]) -> bool:
    """Whether an array that the property needs was left out, as the assignment allows."""
    heard = [one for name, call in planned.calls for one in replies[name].by_call[call] if isinstance(one, Reading)]
    return any(name in one.left_out for name in planned.property.needs for one in heard)


def _follows(plan: Plan, planned: PlannedProperty, replies: Mapping[str, Replies], composed: Sequence[Answer]) -> bool:
    """Whether a right function on top of the student's own earlier one breaks the property as well."""
    relation = planned.property
    given = [composed[call] if name == relation.exercise else replies[name].answer(call) for name, call in planned.calls]
    try:
        return bool(_first_broken(plan, relation.compare([answer for answer in given if answer is not None])))
    except (KeyError, IndexError, ValueError):
        return True


def _first_broken(plan: Plan, pairs: Iterable[Comparison]) -> str:
    """What the first pair that disagrees says, or "" when all agree."""
    for pair in pairs:
        actual, expected = np.asarray(pair.actual, float), np.asarray(pair.expected, float)
        if actual.shape != expected.shape or differs(actual, expected, plan.assignment):
            label = plan.assignment.told(pair.label)
            return say("The results disagree in {label} ({how}).", label=label, how=_by_how_much(actual, expected))
    return ""


def _by_how_much(actual: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
                 expected: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    if actual.shape != expected.shape:
        return say("they have different shapes")
    with np.errstate(all="ignore"):
        gap = float(np.abs(actual - expected).max())
    return say("by up to {gap:.2g}", gap=gap) if np.isfinite(gap) else say("there are NaN or infinite numbers")
