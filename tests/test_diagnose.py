"""Every slip is named as itself: singles exactly, pairs exactly or as a listed alias; what is not in the lattice is not named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any, cast

import numpy as np
import pytest

from grader.around_own import build_around_own
from grader.assignment import Assignment
from grader.checks import Heard, judge
from grader.checks.evidence import choose_example
from grader.lattice import ExerciseLattice
from grader.make_plan import Solution
from grader.model import Extraction, Invocation, Items, Judgement, Program, Returned, Slice, Transcript, Variant
from grader.name_slips import AroundOwn, name_slips
from grader.pipeline import Course
from grader.plan import ExercisePlan, Plan
from grader.rehearse import rehearse
from grader.sandbox import Box
from grader.variants import build_on_top

EXTRACTION = Extraction({
    "self_attention": Slice("defined", program=Program("self_attention", ())),
    "multi_head_attention": Slice("defined", program=Program("multi_head_attention", ()), uses=frozenset({"self_attention"})),
}, {})


@cache
def right_before(course: Course, name: str) -> dict[str, Heard]:
    """The reference in the exercises before `name`."""
    parts = course.plan.exercises[name].spec.builds_on
    return {part: hear(course, part, getattr(course.assignment.solution, part)) for part in parts}


def hear(course: Course, name: str, function: Callable[..., Any]) -> Heard:
    """What the judge makes of a function, with the reference in the earlier exercises."""
    transcript = rehearse(name, function, course.plan.exercises[name].invocations)
    return judge(course.plan, name, EXTRACTION.slices[name], transcript, right_before(course, name))


def named(course: Course, box: Box, name: str, function: Callable[..., Any]) -> Judgement:
    heard = {**right_before(course, name), name: hear(course, name, function)}
    return name_slips(course.plan, course.lattice, name, heard, EXTRACTION, around(course, box))


def around(course: Course, box: Box) -> AroundOwn:
    return partial(build_around_own, course.plan, course.assignment, box)


def all_variants(course: Course, name: str) -> Iterator[Variant]:
    module = course.assignment.misconceptions
    assert module is not None
    earlier = {part: getattr(course.assignment.solution, part) for part in course.plan.exercises[name].spec.builds_on}
    yield from module.variants(name, earlier)


@pytest.mark.parametrize("name", ["self_attention", "multi_head_attention"])
def test_every_single_slip_is_wrong_and_named_exactly(course: Course, box: Box, name: str) -> None:
    seen: set[str] = set()
    for variant in all_variants(course, name):
        if len(variant.slips) == 1:
            judgement = named(course, box, name, variant.function)
            assert judgement.verdict == "incorrect", variant.slips
            assert judgement.explanation is not None, variant.slips
            singles = [judgement.explanation.slips, *(alias for alias in judgement.explanation.aliases if len(alias) == 1)]
            assert tuple(variant.slips) in singles, (variant.slips, judgement.explanation)
            seen |= variant.slips
    in_catalogue = {slip for slip, words in course.assignment.slips.items() if words.found_by is None}
    heads = {"head scale", "split", "merge", "weights"}
    own = {slip for slip in in_catalogue if name == "multi_head_attention" or course.assignment.slips[slip].axis not in heads}
    assert own - seen == set()


@pytest.mark.parametrize("name", ["self_attention", "multi_head_attention"])
def test_every_pair_is_named_exactly_or_as_an_alias(course: Course, box: Box, name: str) -> None:
    right = []
    for variant in all_variants(course, name):
        if len(variant.slips) == 2:
            judgement = named(course, box, name, variant.function)
            if judgement.verdict == "correct":
                right.append(variant.slips)
                continue
            if judgement.explanation is None:  # it raises for nearly all sizes, and its exception speaks for itself
                assert "raised" in judgement.message, variant.slips
                continue
            offered = [frozenset(slips) for slips in (judgement.explanation.slips, *judgement.explanation.aliases)]
            assert variant.slips in offered, (variant.slips, judgement.explanation)
    assert len(right) <= 2  # slips that cancel each other out, such as W transposed and then cut by rows


@pytest.mark.parametrize("name", ["self_attention", "multi_head_attention"])
def test_a_worked_example_is_found_for_every_slip(course: Course, name: str) -> None:
    for variant in all_variants(course, name):
        if len(variant.slips) == 1:
            heard = hear(course, name, variant.function)
            example = choose_example(course.plan, name, heard.replies)
            assert example is not None, variant.slips
            assert example.departs in {label for label, _ in example.steps}
            assert max(np.asarray(value).size for _, value in example.given) <= 16
    assert choose_example(course.plan, name, hear(course, name, getattr(course.assignment.solution, name)).replies) is None


UNKNOWN = {
    "a causal mask": lambda w, v: (np.tril(w) / np.tril(w).sum(1, keepdims=True) @ v, np.tril(w) / np.tril(w).sum(1, keepdims=True)),
    "double softmax": lambda w, v: ((np.exp(w) / np.exp(w).sum(1, keepdims=True)) @ v, np.exp(w) / np.exp(w).sum(1, keepdims=True)),
    "rounding": lambda w, v: (np.round(w, 1) @ v, np.round(w, 1)),
    "a factor": lambda w, v: (1.01 * w @ v, w),
    "zeros": lambda w, v: (0 * (w @ v), w),
    "hard attention": lambda w, v: ((w == w.max(1, keepdims=True)) @ v, (w == w.max(1, keepdims=True)) * 1.0),
    "uniform": lambda w, v: (np.full_like(w, 1 / len(w)) @ v, np.full_like(w, 1 / len(w))),
    "output right, weights squared": lambda w, v: (w @ v, w**2),
}


@pytest.mark.parametrize("change", UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_in_the_lattice_is_not_named(course: Course, box: Box, change: Callable[..., Any]) -> None:
    def function(X: Any, Wq: Any, Wk: Any, Wv: Any) -> Any:
        _, weights = course.assignment.solution.self_attention(X, Wq, Wk, Wv)
        return change(weights, X @ Wv)

    judgement = named(course, box, "self_attention", function)
    assert judgement.verdict == "incorrect"
    assert judgement.explanation is None


@pytest.mark.parametrize("slip", ["no_scale", "softmax_over_queries", "values_are_keys", "scale_by_dk"])
def test_float32_and_an_unshifted_exponential_change_no_name(course: Course, box: Box, slip: str) -> None:
    variant = next(one for one in all_variants(course, "self_attention") if one.slips == {slip})

    def function(*arguments: Any) -> Any:
        return tuple(np.asarray(value, dtype=np.float32) for value in variant.function(*(np.float32(part) for part in arguments)))

    judgement = named(course, box, "self_attention", function)
    assert judgement.explanation is not None
    assert judgement.explanation.slips == (slip,)


def test_output_alone_is_enough_for_a_name(course: Course, box: Box) -> None:
    variant = next(one for one in all_variants(course, "multi_head_attention") if one.slips == {"heads_summed"})
    judgement = named(course, box, "multi_head_attention", lambda *arguments: variant.function(*arguments)[0])
    assert judgement.explanation is not None
    assert judgement.explanation.slips == ("heads_summed",)


def test_a_slip_that_only_the_heads_show_points_to_the_earlier_function(course: Course, box: Box) -> None:
    variant = next(one for one in all_variants(course, "multi_head_attention") if one.slips == {"head_scale_full_d"})
    explanation = named(course, box, "multi_head_attention", variant.function).explanation
    assert explanation is not None
    assert (explanation.slips, explanation.in_earlier) == (("head_scale_full_d",), "self_attention")
    reversed_heads = next(one for one in all_variants(course, "multi_head_attention") if one.slips == {"heads_reversed"})
    explanation = named(course, box, "multi_head_attention", reversed_heads.function).explanation
    assert explanation is not None
    assert explanation.in_earlier == ""


def test_a_size_beside_a_slip_names_both(course: Course, box: Box) -> None:
    variant = next(one for one in all_variants(course, "self_attention") if one.slips == {"softmax_over_queries"})

    def function(X: Any, Wq: Any, Wk: Any, Wv: Any) -> Any:
        if X.shape != (5, 6):
            raise ValueError("another size")
        return variant.function(X, Wq, Wk, Wv)

    judgement = named(course, box, "self_attention", function)
    assert judgement.explanation is not None
    assert judgement.explanation.slips == ("softmax_over_queries",)
    assert "size_fixed" in judgement.found


def test_nothing_is_named_without_a_lattice(course: Course, box: Box) -> None:
    judgement = named(replace(course, lattice={}), box, "self_attention", lambda X, *_: (X, X @ X.T))
    assert judgement.explanation is None


def test_an_own_earlier_answer_beyond_all_likely_sizes_is_not_built_upon(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    own = {1: 0, 2000: 0}
    known = Solution(course.assignment)

    class AnswersWithTimes:
        """A box in which (a) returns its output, over and over beside itself."""

        def __init__(self, times: int) -> None:
            self.times = times

        def run(self, program: Program, asked: Sequence[Invocation]) -> Transcript:
            answers = [[*known.answer(part).values()] for part in asked]
            items = [Items("tuple", (np.tile(answer[0], self.times), *answer[1:])) for answer in answers]
            return Transcript(program.function, tuple(Returned(item) for item in items))

    def doubled(*arguments: Any) -> Any:
        output, weights = course.assignment.solution.self_attention(*arguments)
        return 2 * output, weights

    def tripled(X: Any, Wq: Any, Wk: Any, Wv: Any, H: int) -> Any:
        output, weights = course.assignment.solution.multi_head_attention(X, Wq, Wk, Wv, H)
        return 3 * output, weights

    wrong = {"self_attention": doubled, "multi_head_attention": tripled}
    heard = {name: hear(course, name, function) for name, function in wrong.items()}
    for times in own:
        def count(
            plan: Plan, assignment: Assignment, exercise: ExercisePlan, answers: dict[object, Any], times: int = times
        ) -> ExerciseLattice:
            own[times] = len(answers)
            return build_on_top(plan, assignment, exercise, answers)

        monkeypatch.setattr("grader.around_own.build_on_top", count)
        own_box = around(course, cast(Box, AnswersWithTimes(times)))
        name_slips(course.plan, course.lattice, "multi_head_attention", heard, EXTRACTION, own_box)
    assert own[1] > 10
    assert own[2000] == 0
