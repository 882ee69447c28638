"""Judgement -> marks: values pay, guards pay in proportion, and what does not apply costs nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from grader.assignment import Exercise, Slip
from grader.model import Check, Diagnosis, ExerciseResult, Finding, Judgement


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
    diagnoses = tuple(Diagnosis(name, slip.title, slip.hint) for name, slip in slips.items() if slip.found_by in judgement.found)
    return ExerciseResult(
        judgement.verdict, score, exercise.points, judgement.carried_forward, checks, diagnoses, judgement.message,
    )


def _points(findings: Sequence[Finding], exercise: Exercise) -> list[int]:
    """What each finding is worth in cents; together exactly the exercise's points (largest remainders)."""
    weights = [exercise.marks.get(finding.share, 0.0) * finding.part * finding.applies for finding in findings]
    total, cents = sum(weights), round(exercise.points * 100)
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
