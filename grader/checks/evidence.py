"""What a student's page shows beside the marks: the graded code with its messages, and public results beside the expected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from grader.checks.phrases import recognise_act
from grader.checks.reading import Reading
from grader.checks.replies import Replies
from grader.messages import join
from grader.model import Answer, Array, Evidence, Listing, Picture, Raised, Slice, Transcript, WorkedExample
from grader.plan import ExercisePlan, Plan, PlannedExample, differs
from grader.task import Returns


def gather_evidence(
    plan: Plan, slices: Mapping[str, Slice], transcripts: Mapping[str, Transcript], replies: Mapping[str, Replies],
    wrong: Iterable[str], *, released: bool = False,
) -> Evidence:
    """Code and pictures of one submission, and a worked example for each exercise that is `wrong` by itself.

    Pictures are of public cases, and of hidden ones only when they are `released`.
    """
    listings = {name: _with_marks(piece, transcripts.get(name)) for name, piece in slices.items()}
    pictures = [picture for name, heard in replies.items() for picture in _pictures(plan, name, heard, released)]
    examples = {name: example for name in wrong if (example := choose_example(plan, name, replies[name]))}
    return Evidence(listings, tuple(pictures), examples)


def choose_example(plan: Plan, name: str, replies: Replies) -> WorkedExample | None:
    """The first worked example, smallest first, on which a student's answers and the reference's part."""
    exercise = plan.exercises[name]
    for planned in exercise.examples:
        first = replies.by_call[planned.call][0]
        raw = first.raw if isinstance(first, Reading) else ()
        answer = first.answer if isinstance(first, Reading) else {}
        left_out = first.left_out if isinstance(first, Reading) else frozenset()
        own = {spec.name: answer.get(spec.name, array) for spec, array in zip(exercise.spec.returns, raw, strict=False)}
        expected = exercise.expected[planned.call]
        for step, _ in planned.example.steps:
            if step not in expected or step in left_out:
                continue
            if step not in own or differs(own[step], expected[step], plan.assignment):
                given = tuple(zip(exercise.parameters, planned.example.arguments, strict=False))
                title, steps = plan.assignment.told(planned.example.title), _told_steps(plan, planned, expected)
                return WorkedExample(title, given, steps, step, own.get(step))
    return None


def _told_steps(plan: Plan, planned: PlannedExample, expected: Answer) -> tuple[tuple[str, Array], ...]:
    """The steps in the course's language, but for those that bear a returned array's name."""
    return tuple((step if step in expected else plan.assignment.told(step), array) for step, array in planned.example.steps)


def _with_marks(piece: Slice, transcript: Transcript | None) -> tuple[Listing, ...]:
    """The slice's code, each line that raised with what it raised, said once."""
    if transcript is None:
        return piece.listings
    raised = [*transcript.load, *(reply for reply in transcript.replies if isinstance(reply, Raised))]
    return tuple(replace(listing, marks=(*listing.marks, *_marks(listing, raised))) for listing in piece.listings)


def _marks(listing: Listing, raised: list[Raised]) -> Iterator[tuple[int, str]]:
    last = listing.first_line + listing.source.count("\n")
    said = set()
    for one in raised:
        if one.cell == listing.cell and one.line is not None and listing.first_line <= one.line <= last and one.line not in said:
            said.add(one.line)
            yield one.line, join([one.exception, recognise_act(one.message)], ": ") if one.message else one.exception


def _pictures(plan: Plan, name: str, replies: Replies, released: bool) -> Iterator[Picture]:
    exercise = plan.exercises[name]
    for planned in exercise.cases:
        if released or planned.case.visibility == "public":
            answer = replies.answer(planned.call) or {}
            for spec in exercise.spec.returns:
                if spec.picture:
                    expected = exercise.expected[planned.call][spec.name]
                    titles = [plan.assignment.told(text) for text in (spec.words, planned.case.title)]
                    yield from _matrices(exercise, spec, ", ".join(titles), answer.get(spec.name), expected)


def _matrices(
    exercise: ExercisePlan, spec: Returns, title: str, yours: Array | None, expected: Array
) -> Iterator[Picture]:
    """One picture of a matrix; one for each slice along the first axis of a stack of matrices."""
    axes = spec.axes.split()
    if expected.ndim == 2:
        yield Picture(exercise.name, title, axes[0], axes[1], yours, expected)
    elif expected.ndim == 3:
        for index, matrix in enumerate(np.asarray(expected)):
            part = None if yours is None else np.asarray(yours)[index]
            yield Picture(exercise.name, f"{title}, {axes[0]} {index + 1}", axes[1], axes[2], part, matrix)
