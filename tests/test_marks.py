"""Findings to points: sums that hold to the cent, guards that pay only in proportion."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from grader.marks import mark_exercise
from grader.model import Finding, Judgement
from grader.task import Exercise, Returns

MARKS = {"values.a": 3.0, "values.b": 7.0, "values.edge": 1.0, "contract.x": 2.0, "property.y": 1.5}
PAYS = {"values.a": "value", "values.b": "value", "values.edge": "edge", "contract.x": "guard", "property.y": "guard"}

outcomes = st.lists(st.sampled_from(["passed", "failed", "skipped", "n/a"]), min_size=5, max_size=5)


def findings(states: list[str]) -> tuple[Finding, ...]:
    return tuple(
        Finding(key, key, "public", "skipped" if state == "n/a" else state, "", key, PAYS[key], applies=state != "n/a")  # type: ignore[arg-type]  # drawn from the literals above
        for key, state in zip(MARKS, states, strict=True)
    )


def exercise(points: float) -> Exercise:
    return Exercise(title="", points=points, returns=(Returns(name="out", axes=""),), marks=MARKS)


@given(outcomes, st.sampled_from([40.0, 10.0, 7.77, 0.05, 100.0]))
def test_the_sums_hold(states: list[str], points: float) -> None:
    result = mark_exercise(Judgement("f", "incorrect", "", findings(states)), exercise(points), {})
    assert result.score == round(sum(check.score for check in result.checks), 2)
    assert all(0 <= check.score <= check.points for check in result.checks)
    worth = round(sum(check.points for check in result.checks), 2)
    assert worth == (points if set(states) != {"n/a"} else 0)


@given(outcomes)
def test_no_value_right_no_point(states: list[str]) -> None:
    wrong = ["failed" if state == "passed" and index < 2 else state for index, state in enumerate(states)]
    assert mark_exercise(Judgement("f", "incorrect", "", findings(wrong)), exercise(40), {}).score == 0


def test_all_passed_is_full_marks() -> None:
    for states in (["passed"] * 5, ["passed", "passed", "n/a", "passed", "n/a"]):
        assert mark_exercise(Judgement("f", "correct", "", findings(states)), exercise(40), {}).score == 40


def test_a_guard_pays_in_proportion_to_the_values() -> None:
    result = mark_exercise(Judgement("f", "incorrect", "", findings(["failed", "passed", "failed", "passed", "failed"])), exercise(14.5), {})
    assert [check.score for check in result.checks] == [0, 7, 0, 1.4, 0]
