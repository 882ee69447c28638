"""The plan: what is asked of a submission, and that the data can tell slips apart."""

from __future__ import annotations

import numpy as np
import pytest

from grader.assignment import Assignment
from grader.lay_plan import REPEATS
from grader.make_plan import make_plan
from grader.model import Invocation
from grader.pipeline import Course
from grader.plan import differs


def sizes(call: Invocation) -> list[int]:
    """N, D, H and D/H of a call."""
    X, H = call.arguments[0], call.arguments[4] if len(call.arguments) > 4 else 0
    assert isinstance(X, np.ndarray)
    return [*X.shape, *([int(H), X.shape[1] // int(H)] if H else [])]


@pytest.mark.parametrize("case", ["other_sizes_1", "other_sizes_2"])
@pytest.mark.parametrize("exercise", ["self_attention", "multi_head_attention"])
def test_no_two_sizes_of_a_hidden_case_are_equal(course: Course, exercise: str, case: str) -> None:
    plan = course.plan.exercises[exercise]
    planned = next(one for one in plan.cases if one.case.id == case)
    found = sizes(plan.calls[planned.call])
    assert len(set(found)) == len(found)
    assert exercise == "self_attention" or found[3] >= 2


def test_there_are_one_token_one_head_and_large_scores(course: Course) -> None:
    plan = course.plan.exercises["multi_head_attention"]
    calls = {one.case.id: plan.calls[one.call] for one in plan.cases}
    assert sizes(calls["one_token"])[0] == 1
    assert sizes(calls["one_head"])[2] == 1
    X, Wq, Wk, *_ = (np.asarray(argument) for argument in calls["large_scores"].arguments)
    for columns in (slice(0, 4), slice(4, 8), slice(0, 8)):
        scores = (X @ Wq[:, columns]) @ (X @ Wk[:, columns]).T / np.sqrt(Wq[:, columns].shape[1])
        assert 45 < scores.max() < 80  # large, but no float32 overflows: exp(88) would


def test_every_call_is_made_again_and_in_no_fixed_order(attention: Assignment, course: Course) -> None:
    plan = course.plan.exercises["self_attention"]
    assert sorted(plan.order) == sorted([*range(len(plan.calls))] * REPEATS)
    assert list(plan.order) != sorted(plan.order)
    assert make_plan(attention, "another").exercises["self_attention"].order != plan.order


def test_the_seed_decides_what_is_hidden_and_only_that(attention: Assignment, course: Course) -> None:
    again, other = make_plan(attention, "tests"), make_plan(attention, "another")

    def data(plan: object, case: str) -> bytes:
        exercise = plan.exercises["self_attention"]  # type: ignore[attr-defined]  # a Plan; typed so to keep the table short
        planned = next(one for one in exercise.cases if one.case.id == case)
        return b"".join(np.asarray(argument).tobytes() for argument in exercise.calls[planned.call].arguments)

    assert data(again, "same_sizes") == data(course.plan, "same_sizes") != data(other, "same_sizes")
    assert data(other, "published") == data(course.plan, "published")


def test_a_public_plan_holds_nothing_hidden(attention: Assignment) -> None:
    plan = make_plan(attention, "public", public_only=True)
    for exercise in plan.exercises.values():
        assert {one.case.visibility for one in exercise.cases} == {"public"}
        assert {one.property.visibility for one in exercise.properties} <= {"public"}


def test_the_parts_of_multi_head_are_its_heads(course: Course) -> None:
    plan = course.plan.exercises["multi_head_attention"]
    planned = next(one for one in plan.cases if one.case.id == "other_sizes_2")
    parts = plan.parts[planned.call]
    assert [part.function for part in parts] == ["self_attention"] * 4
    assert [np.asarray(part.arguments[1]).shape for part in parts] == [(12, 3)] * 4


def test_composing_from_the_reference_gives_the_reference(course: Course) -> None:
    plan, reference = course.plan.exercises["multi_head_attention"], course.plan.reference
    assert reference is not None
    for call, parts in enumerate(plan.parts):
        composed = reference.compose(plan.calls[call], [reference.answer(part) for part in parts])
        assert composed is not None
        assert all(np.array_equal(composed[name], plan.expected[call][name]) for name in plan.expected[call])


@pytest.mark.parametrize(("factor", "expected"), [(1.0, False), (1 + 5e-5, False), (1 + 5e-4, True), (np.nan, True), (np.inf, True)])
def test_the_tolerance_is_a_share_of_the_largest_number(attention: Assignment, factor: float, expected: bool) -> None:
    array = np.array([[1e-9, 3.0], [-7.0, 0.0]])
    with np.errstate(invalid="ignore"):
        assert differs(array * factor, array, attention) is expected


def test_other_shapes_differ(attention: Assignment) -> None:
    assert differs(np.zeros((2, 3)), np.zeros((3, 2)), attention)
