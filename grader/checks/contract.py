"""Does it keep to what was asked: shapes and kinds of results, inputs left alone, equal calls with equal results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from grader.checks.reading import Reading
from grader.checks.replies import Replies
from grader.messages import join, join_with_and, say
from grader.model import Finding, Outcome, Raised
from grader.plan import ExercisePlan, Plan, differs


def check_contract(plan: Plan, exercise: ExercisePlan, replies: Replies) -> Iterator[Finding]:
    """The three findings that need no expected value."""
    readings = [
        heard for call, heards in enumerate(replies.by_call) if call not in exercise.aside
        for heard in heards if isinstance(heard, Reading)
    ]
    if exercise.aside.issuperset(range(len(exercise.calls))):
        yield from (replace(one, applies=False, answered=True, message=NO_CALL) for one in _unanswered(plan, exercise, replies))
        return
    yield _returns(exercise, readings)
    yield _inputs_unchanged(exercise, replies, answered=bool(readings))
    yield _repeatable(plan, replies, answered=bool(readings))


def _unanswered(plan: Plan, exercise: ExercisePlan, replies: Replies) -> Iterator[Finding]:
    yield _returns(exercise, [])
    yield _inputs_unchanged(exercise, replies, answered=False)
    yield _repeatable(plan, replies, answered=False)


def _finding(name: str, title: str, outcome: Outcome, message: str) -> Finding:
    answered = message is not NO_ANSWER
    return Finding(f"contract.{name}", title, "public", outcome, message, f"contract.{name}", "guard", answered=answered)


def _returns(exercise: ExercisePlan, readings: list[Reading]) -> Finding:
    names = join_with_and(spec.name for spec in exercise.spec.returns)
    title = say("returns {names}: finite real numbers of the right shape", names=names)
    if not readings:
        return _finding("returns", title, "skipped", NO_ANSWER)
    problems = [problem for reading in readings for problem in reading.problems.values()]
    if problems:
        return _finding("returns", title, "failed", say("{problem}.", problem=problems[0]))
    return _finding("returns", title, "passed", "")


NO_CALL = say("there is no public check of it; the grader tries it on data of its own")
NO_ANSWER = say("there was no answer to check")


def _inputs_unchanged(exercise: ExercisePlan, replies: Replies, *, answered: bool) -> Finding:
    title = say("leaves its arguments unchanged")
    if replies.changed:
        names = join((exercise.parameters[at] if at < len(exercise.parameters) else say("argument {number}", number=at + 1)
                      for at in sorted(replies.changed)), ", ")
        message = say("It changes {names} in place; work on a copy.", names=names)
        return _finding("inputs_unchanged", title, "failed", message)
    return _finding("inputs_unchanged", title, "passed" if answered else "skipped", "" if answered else NO_ANSWER)


def _repeatable(plan: Plan, replies: Replies, *, answered: bool) -> Finding:
    title = say("gives equal results for equal calls")
    if not answered:
        return _finding("repeatable", title, "skipped", NO_ANSWER)
    if any(_vary(plan, heards) for heards in replies.by_call):
        return _finding("repeatable", title, "failed", say("Two calls with the same arguments gave different results."))
    return _finding("repeatable", title, "passed", "")


def _vary(plan: Plan, heards: tuple[Reading | Raised | None, ...]) -> bool:
    heard = [one for one in heards if one is not None]
    if len({isinstance(one, Reading) for one in heard}) > 1:
        return True
    readings = [one for one in heard if isinstance(one, Reading)]
    return any(_readings_differ(plan, readings[0], other) for other in readings[1:])


def _readings_differ(plan: Plan, one: Reading, other: Reading) -> bool:
    if one.answer.keys() != other.answer.keys():
        return True
    return any(
        differs(np.nan_to_num(other.answer[name]), np.nan_to_num(one.answer[name]), plan.assignment) for name in one.answer
    )
