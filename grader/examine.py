"""One notebook's functions, extracted -> what the checks say of each: run, judge, name the slips.

Who runs the code is the caller's: the grader's box, or the student's own machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from grader.checks import Heard, judge, judge_carried, judge_unrun, parts_to_ask, why_not_run
from grader.lattice import Lattice
from grader.messages import say
from grader.model import Extraction, Invocation, Judgement, Notice, Program, Transcript
from grader.name_slips import AroundOwn, name_slips
from grader.plan import Plan
from grader.task import Slip, Task

Run = Callable[[Program, Sequence[Invocation]], Transcript]
"""Runs a program in a process of its own and makes the calls."""


def examine(
    plan: Plan, lattice: Lattice, extraction: Extraction, run: Run, around_own: AroundOwn | None = None
) -> tuple[dict[str, Heard], dict[str, Judgement]]:
    """What was heard of each exercise that was run, and the judgement of every exercise."""
    heard, judgements = _run_exercises(plan, extraction, run)
    return heard, judgements | {name: name_slips(plan, lattice, name, heard, extraction, around_own) for name in heard}


def _run_exercises(plan: Plan, extraction: Extraction, run: Run) -> tuple[dict[str, Heard], dict[str, Judgement]]:
    """Each exercise in a process of its own; a later one is marked on top of an earlier wrong one where that is due."""
    heard: dict[str, Heard] = {}
    judgements: dict[str, Judgement] = {}
    for name, exercise in plan.exercises.items():
        piece = extraction.slices[name]
        verdict = why_not_run(piece, plan)
        if verdict or piece.program is None:
            judgements[name] = judge_unrun(plan, name, piece, verdict or "missing")
            continue
        transcript = run(piece.program, exercise.invocations)
        one = judge(plan, name, piece, transcript, heard)
        asked = parts_to_ask(plan, name, piece, heard, one)
        if asked:
            one = judge_carried(plan, one, piece, heard, _ask_parts(asked, extraction, run))
        heard[name], judgements[name] = one, one.judgement
    return heard, judgements


def _ask_parts(
    asked: Mapping[str, Sequence[Invocation]], extraction: Extraction, run: Run
) -> dict[str, tuple[Sequence[Invocation], Transcript]]:
    programs = {name: extraction.slices[name].program for name in asked}
    return {
        name: (calls, run(program, calls)) for name, calls in asked.items() if (program := programs[name]) is not None
    }


def gather_notices(
    task: Task, extraction: Extraction, judgements: Mapping[str, Judgement]
) -> tuple[Notice, ...]:
    """What is worth telling besides the marks."""
    return (
        *extraction.notices, *(notice for one in judgements.values() for notice in one.notices),
        *_overrulable(judgements, task.slips), *_not_reused(extraction, judgements, task),
    )


def _overrulable(judgements: Mapping[str, Judgement], slips: Mapping[str, Slip]) -> Iterator[Notice]:
    """Named slips that a person may take for another convention."""
    for name, judgement in judgements.items():
        for slip in judgement.explanation.slips if judgement.explanation else ():
            if slips[slip].notice:
                message = say("`{name}`: {title}. A person may overrule this mark.", name=name, title=slips[slip].title)
                yield Notice(slips[slip].notice, message)


def _not_reused(extraction: Extraction, judgements: Mapping[str, Judgement], task: Task) -> Iterator[Notice]:
    """Exercises that are to be built on earlier ones and do without."""
    for name, judgement in judgements.items():
        for earlier in task.exercises[name].builds_on:
            ran = judgement.verdict in ("correct", "incorrect")
            if ran and earlier not in extraction.slices[name].uses:
                message = say("`{name}` does not call your `{earlier}`, which the exercise asks to use.",
                              name=name, earlier=earlier)
                yield Notice("not_reused", message)
