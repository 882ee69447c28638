"""Judgement -> marks: values pay, guards pay in proportion, and what does not apply costs nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from grader.messages import say
from grader.model import Check, Diagnosis, ExerciseResult, Finding, Judgement
from grader.task import Exercise, Slip


def mark_exercise(judgement: Judgement, exercise: Exercise, slips: Mapping[str, Slip]) -> ExerciseResult:
    """One exercise's checks with their points, to the cent; the exercise's score is exactly their sum."""
    worth = _points(judgement.findings, exercise)
    share = _share_of_values(judgement.findings, worth)
    checks = tuple(
        Check(finding.id, finding.title, finding.visibility, finding.outcome, _score(finding, points, share), points / 100,
              finding.message)
        for finding, points in zip(judgement.findings, worth, strict=True)
    )
    score = round(sum(check.score for check in checks), 2)
    diagnoses = _diagnose(judgement, slips)
    credit = _credit(judgement, diagnoses, exercise)
    if credit > score:
        checks, score = (*_lower(checks, credit - score), _grant(credit - score, diagnoses)), credit
    return ExerciseResult(
        judgement.verdict, score, exercise.points, judgement.carried_forward, checks, diagnoses, judgement.message,
    )


def _diagnose(judgement: Judgement, slips: Mapping[str, Slip]) -> tuple[Diagnosis, ...]:
    """The slips that explain the answers, then those that a check found by itself."""
    explanation = judgement.explanation
    named = list(explanation.slips) if explanation else []
    found = [name for name, slip in slips.items() if slip.found_by in judgement.found and name not in named]
    diagnoses = []
    for name in [*named, *found]:
        slip, hint = slips[name], slips[name].hint
        explains = explanation if explanation and name in named else None
        if explains and explains.in_earlier:
            hint = say("{hint} It stands in your `{name}`, which this part calls.", hint=hint, name=explains.in_earlier)
        diagnoses.append(Diagnosis(name, slip.title, hint, slip.idea, slip.place, explains.aliases if explains else ()))
    return tuple(diagnoses)


def _credit(judgement: Judgement, diagnoses: Sequence[Diagnosis], exercise: Exercise) -> float:
    """What is left when each named slip costs what the assignment says; 0 where something else may be wrong as well."""
    explained = judgement.explanation is not None or "size_fixed" in judgement.found
    costs = [exercise.costs.get(diagnosis.id, exercise.costs.get("any_slip")) for diagnosis in diagnoses]
    known = [cost for cost in costs if cost is not None]
    return max(exercise.points - sum(known), 0.0) if explained and len(known) == len(costs) else 0.0


def _grant(extra: float, diagnoses: Sequence[Diagnosis]) -> Check:
    """A check of its own for what named slips leave right, so that a failed one never earns anything."""
    worth = round(extra, 2)
    title = (say("credit for what is right besides the named slip") if len(diagnoses) == 1 else
             say("credit for what is right besides the named slips"))
    return Check(CREDIT, title, "public", "passed", worth, worth, "")


CREDIT = "credit.named_slips"


def _lower(checks: Sequence[Check], extra: float) -> tuple[Check, ...]:
    """The checks worth less by `extra` altogether, each by the same part of what it does not earn."""
    lacks = [round((check.points - check.score) * 100) for check in checks]
    return tuple(
        replace(check, points=round(check.points - less / 100, 2))
        for check, less in zip(checks, _apportion(lacks, round(extra * 100)), strict=True)
    )


def _points(findings: Sequence[Finding], exercise: Exercise) -> list[int]:
    """What each finding is worth in cents; together exactly the exercise's points."""
    weights = [exercise.marks.get(finding.share, 0.0) * finding.part * finding.applies for finding in findings]
    return _apportion(weights, round(exercise.points * 100))


def _apportion(weights: Sequence[float], cents: int) -> list[int]:
    """`cents` shared out by weight, whole cents each, by largest remainders."""
    total = sum(weights)
    if total == 0:
        return [0] * len(weights)
    exact = [weight * cents / total for weight in weights]
    whole = [math.floor(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda at: whole[at] - exact[at])
    for at in by_remainder[: cents - sum(whole)]:
        whole[at] += 1
    return whole


def _share_of_values(findings: Sequence[Finding], worth: Sequence[int]) -> float:
    """The part of all points for values that was earned, between 0 and 1."""
    values = [(finding.outcome == "passed", points) for finding, points in zip(findings, worth, strict=True)
              if finding.pays == "value"]
    total = sum(points for _, points in values)
    return sum(points for passed, points in values if passed) / total if total else 0.0


def _score(finding: Finding, points: int, share: float) -> float:
    if finding.outcome != "passed":
        return 0.0
    return (points if finding.pays == "value" else math.floor(points * share + 1e-9)) / 100
