"""How far the students' self-check reaches: how many known wrong solutions its checks catch, with published values and without.

Wrong solutions are the teacher's own code, so they are rehearsed in this process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from grader.assignment import Assignment
from grader.checks import Heard, judge
from grader.messages import say
from grader.model import Program, Slice, Variant
from grader.plan import ExercisePlan, Plan
from grader.rehearse import rehearse
from grader.release import open_public
from grader.variants import list_variants


@dataclass(frozen=True)
class Missed:
    """A wrong solution that nothing catches, or no relation does."""

    exercise: str
    slips: tuple[str, ...]


@dataclass(frozen=True)
class Reach:
    """Wrong solutions tried, and those that the public checks, or the relations alone, do not catch."""

    tried: int
    missed: tuple[Missed, ...]
    missed_by_relations: tuple[Missed, ...]

    def problems(self) -> list[str]:
        """Single slips that the self-check lets pass, in words."""
        return [say("{name}: {slip}: the students' self-check does not catch it", name=one.exercise, slip=one.slips[0])
                for one in self.missed if len(one.slips) == 1]


def measure_reach(assignment: Assignment) -> Reach:
    """Try every wrong solution that the assignment knows, one slip or two, on top of a right earlier part."""
    plan = open_public(assignment).plan
    tried, missed, by_relations = 0, list[Missed](), list[Missed]()
    right: dict[str, Heard] = {}
    for name, exercise in plan.exercises.items():
        right[name] = _hear(plan, exercise, getattr(assignment.solution, name), right)
        for variant, heard in _wrong_solutions(assignment, plan, exercise, right):
            tried += 1
            failed = {finding.id.partition(".")[0] for finding in heard.judgement.findings if finding.outcome == "failed"}
            if not failed:
                missed.append(Missed(name, tuple(sorted(variant.slips))))
            if not failed - {"values"}:
                by_relations.append(Missed(name, tuple(sorted(variant.slips))))
    return Reach(tried, tuple(missed), tuple(by_relations))


def _wrong_solutions(
    assignment: Assignment, plan: Plan, exercise: ExercisePlan, right: dict[str, Heard]
) -> Iterator[tuple[Variant, Heard]]:
    if assignment.misconceptions is None:
        return
    earlier = {part: getattr(assignment.solution, part) for part in exercise.spec.builds_on}
    for variant in list_variants(assignment, exercise.name, earlier):
        if variant.slips:
            yield variant, _hear(plan, exercise, variant.function, right)


def _hear(plan: Plan, exercise: ExercisePlan, function: object, right: dict[str, Heard]) -> Heard:
    assert callable(function)
    piece = Slice("defined", program=Program(exercise.name, ()), uses=frozenset(exercise.spec.builds_on))
    return judge(plan, exercise.name, piece, rehearse(exercise.name, function, exercise.invocations), right)
