"""Transcript against Plan -> Judgement: every check of one exercise, and the verdict that follows.

Comes in: arrays that the sandbox rebuilt from bytes. No student code runs here, and no expected value leaves from here but
into words and pictures of public cases.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grader.checks.contract import check_contract
from grader.checks.properties import advise_on_properties, check_properties
from grader.checks.reading import Reading, read_value
from grader.checks.replies import Replies, sort_replies, tell
from grader.checks.source import check_imports, check_reuse, forbidden_uses
from grader.checks.values import advise, check_values
from grader.messages import join_with_and, say, sentence
from grader.model import (
    Answer,
    Argument,
    Array,
    Finding,
    Invocation,
    Judgement,
    Raised,
    Returned,
    Slice,
    Transcript,
    Verdict,
)
from grader.plan import ExercisePlan, Plan, differs

__all__ = [
    "Heard",
    "any_wrong",
    "calls_of_published_sizes",
    "carries",
    "judge",
    "judge_carried",
    "judge_unrun",
    "parts_to_ask",
    "raw_answers",
    "why_not_run",
]


@dataclass(frozen=True, eq=False)
class Heard:
    """What the judge keeps of an exercise that was run: its replies, sorted, and its judgement."""

    replies: Replies
    judgement: Judgement
    transcript: Transcript


def why_not_run(piece: Slice, plan: Plan) -> Verdict | None:
    """The verdict of a slice that must not or cannot be run, or None when it is to be run."""
    if piece.state == "missing":
        return "missing"
    if piece.state == "broken":
        return "error"
    return "forbidden" if forbidden_uses(piece, plan.assignment.imports) else None


def judge_unrun(plan: Plan, name: str, piece: Slice, verdict: Verdict) -> Judgement:
    """The judgement of an exercise that was not run: everything that needs an answer is skipped."""
    source = check_imports(piece, plan.assignment.imports)
    silent = sort_replies(plan.exercises[name], _no_transcript(plan, name), plan.exercises[name].expected)
    message = piece.message or source.message
    findings = [
        replace(finding, outcome="skipped", message=NOT_RUN[verdict])
        for finding in _run_findings(plan, name, piece, {name: silent}, frozenset(), plan.exercises[name].expected, None)
    ]
    if verdict != "forbidden":
        source = replace(source, outcome="skipped", message=NOT_RUN[verdict])
    reuse = [
        replace(finding, outcome="skipped", message=NOT_RUN[verdict])
        for finding in check_reuse(piece, plan.assignment.exercises[name])
    ]
    return Judgement(name, verdict, message, (*findings, source, *reuse))


NOT_RUN: Mapping[Verdict, str] = {
    "missing": say("there is no function to check"),
    "error": say("the cell is not valid Python"),
    "forbidden": say("it was not run because of the import rule"),
}


def _no_transcript(plan: Plan, name: str) -> Transcript:
    return Transcript(name, (None,) * len(plan.exercises[name].order))


def judge(plan: Plan, name: str, piece: Slice, transcript: Transcript, earlier: Mapping[str, Heard]) -> Heard:
    """All checks of one exercise against the reference's answers."""
    exercise = plan.exercises[name]
    return _judge(plan, exercise, piece, transcript, earlier, exercise.expected, None)


Parts = Mapping[str, tuple[Sequence[Invocation], Transcript]]
"""By earlier exercise: the calls that were asked of it on behalf of a later one, each twice in a row, and its transcript."""


def raw_answers(heard: Heard, calls: Sequence[int]) -> dict[int, tuple[Array, ...]]:
    """What came back for each of these calls, as plain arrays of whatever shapes; absent where it was no array, or raised."""
    first = {call: heard.replies.by_call[call][0] for call in calls}
    return {call: one.raw for call, one in first.items() if isinstance(one, Reading) and one.raw}


def calls_of_published_sizes(exercise: ExercisePlan) -> set[int]:
    """The calls whose arguments have the sizes of a public case."""
    public = [_sizes(planned.case.arguments) for planned in exercise.cases if planned.case.visibility == "public"]
    return {planned.call for planned in exercise.cases if _sizes(planned.case.arguments) in public}


def any_wrong(judgement: Judgement, exercise: ExercisePlan, calls: Collection[int]) -> bool:
    """Whether a value of one of these calls is wrong."""
    cases = {planned.case.id for planned in exercise.cases if planned.call in calls}
    return any(finding.outcome == "failed" and finding.share.removeprefix("values.") in cases for finding in judgement.findings)


def judge_carried(plan: Plan, heard: Heard, piece: Slice, earlier: Mapping[str, Heard], parts: Parts) -> Heard:
    """The same exercise on top of the student's own earlier answers, where that earns more; else `heard` itself."""
    exercise = plan.exercises[heard.judgement.exercise]
    composed = _compose_all(plan, exercise, earlier, parts)
    if composed is None:
        return heard
    carried = _judge(plan, exercise, piece, heard.transcript, earlier, composed, composed)
    if _values_right(carried.judgement) <= _values_right(heard.judgement):
        return heard
    verdict = carried.judgement.verdict
    names = join_with_and(exercise.spec.builds_on)
    if verdict == "correct":
        words = say(
            "Your `{name}` does the right thing with what your `{names}` returns; the difference to the expected results comes "
            "from `{names}`, where it is charged.", name=exercise.name, names=names,
        )
    else:
        words = say("On top of what your `{names}` returns: {message}", names=names, message=carried.judgement.message)
    return replace(carried, judgement=replace(carried.judgement, carried_forward=True, message=words))


def parts_to_ask(plan: Plan, name: str, piece: Slice, earlier: Mapping[str, Heard], heard: Heard) -> dict[str, list[Invocation]]:
    """The calls to the student's own earlier functions that marking on top of them needs; empty where that is not due.

    Due when the exercise is not right, calls the earlier function, that one answered but is wrong, and there is a reference that
    can be asked.
    """
    exercise = plan.exercises[name]
    wrong = [part for part in exercise.spec.builds_on if part in earlier and earlier[part].judgement.verdict == "incorrect"]
    due = plan.reference is not None and heard.judgement.verdict != "correct" and wrong
    if not due or not set(exercise.spec.builds_on) <= piece.uses:
        return {}
    asked: dict[str, list[Invocation]] = {}
    for parts in exercise.parts:
        for part in parts:
            asked.setdefault(part.function, []).extend([part, part])
    return asked if set(asked) <= set(earlier) else {}


def _judge(
    plan: Plan, exercise: ExercisePlan, piece: Slice, transcript: Transcript, earlier: Mapping[str, Heard],
    expected: tuple[Answer, ...], composed: tuple[Answer, ...] | None,
) -> Heard:
    replies = sort_replies(exercise, transcript, expected)
    known = {**{name: heard.replies for name, heard in earlier.items()}, exercise.name: replies}
    wrong = frozenset() if composed else frozenset(
        name for name in plan.exercises if name != exercise.name
        and (name not in earlier or earlier[name].judgement.verdict != "correct")
    )
    run_findings = _run_findings(plan, exercise.name, piece, known, wrong, expected, composed)
    findings = (*run_findings, check_imports(piece, plan.assignment.imports), *check_reuse(piece, exercise.spec))
    verdict, message = _verdict(exercise, piece, transcript, replies, findings)
    found = frozenset(_find_slips(plan, exercise, piece, replies, findings))
    right = verdict == "correct" and composed is None
    notices = (*advise(plan, exercise, replies), *advise_on_properties(plan, exercise, known)) if right else ()
    return Heard(replies, Judgement(exercise.name, verdict, message, findings, found, notices), transcript)


def _run_findings(
    plan: Plan, name: str, piece: Slice, replies: Mapping[str, Replies], wrong: frozenset[str], expected: tuple[Answer, ...],
    composed: tuple[Answer, ...] | None,
) -> Iterator[Finding]:
    exercise = plan.exercises[name]
    yield from check_values(plan, exercise, replies[name], piece, expected)
    yield from check_contract(plan, exercise, replies[name])
    yield from check_properties(plan, exercise, replies, wrong, composed)


def _verdict(
    exercise: ExercisePlan, piece: Slice, transcript: Transcript, replies: Replies, findings: Sequence[Finding]
) -> tuple[Verdict, str]:
    """One word for the exercise, and the sentence that explains it ("" when all is well)."""
    lost = [*(one for one in findings if one.outcome == "failed"), *(one for one in findings if not one.answered)]
    raised = [reply for reply in transcript.replies if isinstance(reply, Raised)]
    answered = any(
        isinstance(heard, Reading) for planned in exercise.cases if planned.case.pays == "value"
        for heard in replies.by_call[planned.call]
    )
    if transcript.end != "finished" and (answered or not raised or raised[0].kind == "error"):
        return transcript.end, sentence(replies.silence)
    if not lost:
        return "correct", ""
    for kind in ("forbidden", "memory"):
        for one in raised:
            if one.kind == kind:
                return one.kind, sentence(tell(one, piece, exercise.name))
    if raised and not answered:
        first = next((one for one in transcript.load if raised[0].exception == "NameError" and one.cell), raised[0])
        told = first if f"'{exercise.name}'" in raised[0].message else raised[0]
        return "error", sentence(_with_cause(tell(told, piece, exercise.name), told, transcript.load))
    return "incorrect", sentence(lost[0].message)


def _with_cause(words: str, told: Raised, load: Sequence[Raised]) -> str:
    """A name is often unknown because the import that gives it failed before."""
    cause = next((one for one in load if one.exception in ("ModuleNotFoundError", "ImportError") and one.cell), None)
    if told.exception != "NameError" or cause is None:
        return words
    return say("{what}; before that, cell {cell} raised {exception}: {message}",
               what=words, cell=cause.cell or 0, exception=cause.exception, message=cause.message)


def _find_slips(
    plan: Plan, exercise: ExercisePlan, piece: Slice, replies: Replies, findings: Sequence[Finding]
) -> Iterator[str]:
    """The slips that the checks can name by themselves."""
    for call, heards in enumerate(replies.by_call):
        for heard in heards:
            if isinstance(heard, Reading) and call not in exercise.aside:
                yield from heard.found
    failed = {finding.id for finding in findings if finding.outcome == "failed"}
    if "contract.inputs_unchanged" in failed:
        yield "inputs_changed"
    if "contract.repeatable" in failed:
        yield "answers_vary"
        return
    right = {case.case.id: not any(f"values.{case.case.id}.{spec.name}" in failed for spec in exercise.spec.returns)
             for case in exercise.cases if case.case.pays == "value"}
    public = [case.case for case in exercise.cases if case.case.visibility == "public"]
    same = {case.case.id for case in exercise.cases if case.case.visibility == "hidden" and case.case.id in right
            and any(_sizes(case.case.arguments) == _sizes(other.arguments) for other in public)}
    others = set(right) - same - {case.id for case in public}
    if not others:
        yield from _find_slips_in_public(plan, exercise, piece, replies, all(right.values()), findings)
    elif not any(right[name] for name in others):
        if piece.own_uses & set(plan.assignment.data.arrays):
            yield "global_read"
        elif same and all(right[name] for name in same):
            yield "size_fixed"


def _find_slips_in_public(
    plan: Plan, exercise: ExercisePlan, piece: Slice, replies: Replies, right: bool, findings: Sequence[Finding]
) -> Iterator[str]:
    """What properties alone show of a function that is right on the public case, where there is no other case."""
    related = [one for one in findings if one.id.startswith("property.") and (one.outcome == "failed" or not one.answered)]
    if not right or not related:
        return
    if piece.own_uses & set(plan.assignment.data.arrays):
        yield "global_read"
        return
    sizes = [_sizes(exercise.calls[call].arguments) for call in calls_of_published_sizes(exercise)]
    asked = [(call, _sizes(one.arguments)) for call, one in enumerate(exercise.calls) if call not in exercise.aside]
    others = [call for call, own in asked if own not in sizes]
    if others and all(_is_ill_formed(replies, call) for call in others):
        yield "size_fixed"


def _is_ill_formed(replies: Replies, call: int) -> bool:
    """Whether a call was not answered, or not with the shapes that were asked for."""
    first = replies.by_call[call][0]
    return not isinstance(first, Reading) or bool(first.problems)


def _sizes(arguments: Sequence[Argument]) -> list[object]:
    return [argument.shape if isinstance(argument, np.ndarray) else argument for argument in arguments]


def _values_right(judgement: Judgement) -> int:
    return sum(finding.outcome == "passed" for finding in judgement.findings if finding.pays != "guard")


def _compose_all(
    plan: Plan, exercise: ExercisePlan, earlier: Mapping[str, Heard], parts: Parts
) -> tuple[Answer, ...] | None:
    """The expected answer of each call on top of the student's own earlier answers; None where these carry nothing."""
    answers: dict[str, list[Answer]] = {}
    for name, (asked, transcript) in parts.items():
        own = _own_answers(plan, name, asked, transcript)
        if own is None or not carries(plan, plan.exercises[name], earlier[name]):
            return None
        answers[name] = own
    upcoming = {name: iter(own) for name, own in answers.items()}
    composed = []
    for call, needed in enumerate(exercise.parts):
        assert plan.reference is not None  # or nothing would have been asked
        answer = plan.reference.compose(exercise.calls[call], [next(upcoming[part.function]) for part in needed])
        if answer is None or set(answer) != set(exercise.expected[call]):
            return None
        composed.append(answer)
    return tuple(composed)


def _own_answers(plan: Plan, name: str, asked: Sequence[Invocation], transcript: Transcript) -> list[Answer] | None:
    """The student's earlier function's answers, one for each pair of equal calls; None unless all came, equal and well formed."""
    specs, own = plan.exercises[name].spec.returns, []
    assert plan.reference is not None  # or nothing would have been asked
    for first, again, part in zip(transcript.replies[::2], transcript.replies[1::2], asked[::2], strict=True):
        if not isinstance(first, Returned) or not isinstance(again, Returned):
            return None
        expected = plan.reference.answer(part)
        one, other = read_value(first.value, specs, expected), read_value(again.value, specs, expected)
        if set(one.answer) != set(expected) or set(other.answer) != set(expected):
            return None
        if any(differs(np.nan_to_num(one.answer[key]), np.nan_to_num(other.answer[key]), plan.assignment) for key in expected):
            return None
        own.append(one.answer)
    return own


def carries(plan: Plan, exercise: ExercisePlan, heard: Heard) -> bool:
    """Whether a wrong exercise is one that later ones can be marked on top of: it answers, and not by constants."""
    aside = exercise.aside | {planned.call for planned in exercise.cases if planned.case.pays == "edge"}
    answers = [
        (heard.replies.answer(call) or {}, expected) for call, expected in enumerate(exercise.expected) if call not in aside
    ]
    complete = [(own, right) for own, right in answers if own.keys() == right.keys()]
    return len(complete) > len(answers) / 2 and _depends_on_inputs(plan, complete)


def _depends_on_inputs(plan: Plan, answered: Sequence[tuple[Answer, Answer]]) -> bool:
    """Whether answers (own, the reference's) change with their inputs: constants, also but for one input, carry nothing forward.

    Among the calls with results of one shape on which the reference's answers differ, the own must differ somewhere too, in each
    returned array.
    """
    for name in answered[0][1]:
        by_shape: dict[tuple[int, ...], list[tuple[Array, Array]]] = {}
        for own, right in answered:
            by_shape.setdefault(right[name].shape, []).append((own[name], right[name]))
        for group in by_shape.values():
            others = [(own, right) for own, right in group[1:] if differs(right, group[0][1], plan.assignment)]
            if others and not any(differs(own, group[0][0], plan.assignment) for own, _ in others):
                return False
    return True
