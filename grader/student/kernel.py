"""`check(...)` in a running kernel: the student's own functions, called as they are now, in their own process.

They are objects, not cells, so what is read from source elsewhere is read from their code objects here (needs.py).
"""

from __future__ import annotations

import time
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from grader.messages import say
from grader.model import Extraction, Invocation, Listing, ModuleUse, Program, Slice, Transcript
from grader.sandbox import answering
from grader.sandbox.replies import Replies
from grader.student.clock import Clock
from grader.student.command import HIDDEN
from grader.student.needs import does_the_same, find_stubs, homes_of, read_needs
from grader.student.outcome import check_extraction
from grader.student.public import PublicCourse
from grader.student.quiet import find_shell, quiet
from grader.student.telling import Report, as_html, as_text, make_report, tell_versions
from grader.student.tries import choose_hints
from grader.student.words import WORDS
from grader.task import Task
from grader.tensors import encode_calls


@dataclass(frozen=True)
class Shown:
    """What a notebook or a terminal shows of a report."""

    report: Report

    def _repr_html_(self) -> str:
        return as_html(self.report)

    def __repr__(self) -> str:
        return as_text(self.report)


def check_here(
    functions: Sequence[object], named: Mapping[str, object], namespace: Mapping[str, object], course: PublicCourse, home: Path
) -> None:
    """Check what was passed, or what the caller's names are bound to, and show the report."""
    task = course.task
    known = _sort_out(functions, named, namespace, task)
    problem = _what_is_left(functions, named, task) or _what_is_wrong(known, task)
    if problem:
        _say(problem)
        return
    stubs = find_stubs(course.handout, tuple(task.exercises))
    homes = homes_of(namespace, known.values())
    slices = {name: _slice(name, known.get(name), task, stubs.get(name), homes) for name in task.exercises}
    callables: dict[str, Callable[..., object]] = {name: one for name, one in known.items() if callable(one)}
    outcome = check_extraction(
        Extraction(slices, {}), course, lambda program, calls: _run(callables[program.function], program, calls, task),
        as_saved=False)
    hints = choose_hints(outcome, task, home / HIDDEN / "tries.json")
    _show(Shown(make_report(outcome, task, hints, tell_versions(course))))


def _sort_out(
    functions: Sequence[object], named: Mapping[str, object], namespace: Mapping[str, object], task: Task
) -> dict[str, object]:
    """Objects by exercise: by keyword, by their own names, by position; with none given, by what the caller calls them."""
    if not functions and not named:
        return {name: namespace[name] for name in task.exercises if name in namespace}
    known = {name: one for name, one in named.items() if name in task.exercises}
    rest = []
    for one in functions:
        name = getattr(one, "__name__", None)
        if isinstance(name, str) and name in task.exercises and name not in known:
            known[name] = one
        else:
            rest.append(one)
    free = (name for name in task.exercises if name not in known)
    return {**known, **dict(zip(free, rest, strict=False))}


def _what_is_left(functions: Sequence[object], named: Mapping[str, object], task: Task) -> str:
    """What was given and belongs to no exercise."""
    strange = [name for name in named if name not in task.exercises]
    surplus = len(functions) + len(named) - len(strange) - len(task.exercises)
    if not strange and surplus <= 0:
        return ""
    what = ", ".join(strange) or f"+{surplus}"
    return WORDS[task.lang].surplus.format(names=", ".join(task.exercises), what=what)


def _what_is_wrong(known: Mapping[str, object], task: Task) -> str:
    words, names = WORDS[task.lang], ", ".join(task.exercises)
    if not known:
        return words.no_functions.format(names=names, arguments=names)
    for name, one in known.items():
        if not callable(one):
            return words.not_a_function.format(name=name, kind=type(one).__name__)
    return ""


# --- what a function needs --------------------------------------------------------------------------------------------


def _slice(name: str, function: object, task: Task, stub: types.CodeType | None, homes: frozenset[int]) -> Slice:
    if function is None:
        return Slice("missing", say("`{name}` was not given to check().", name=name))
    if stub is not None and does_the_same(function, stub):
        return Slice("missing", say("`{name}` is still the hand-out's stub.", name=name))
    needs = read_needs(function, homes)
    own = read_needs(function, homes, frozenset(task.exercises[name].builds_on))
    return Slice(
        "defined", program=Program(name, ()), uses=needs.names, own_uses=own.names, listings=(Listing(1, 1, needs.digest),),
        imports=tuple(ModuleUse(module, None, None) for module in sorted(needs.modules)),
    )


# --- calls ------------------------------------------------------------------------------------------------------------


class _Kept(answering.Replies):
    """Keeps what is said in memory, until the calls are interrupted: what is said of that is no answer."""

    def __init__(self, output_mb: int, clock: Clock) -> None:
        super().__init__(-1, output_mb * answering.MB)
        self.kept, self.clock = bytearray(), clock

    def put(self, view: memoryview) -> int:
        """See answering.Replies."""
        if self.clock.heard:
            raise KeyboardInterrupt
        self.kept += view
        return len(view)


def _run(function: Callable[..., object], program: Program, calls: Sequence[Invocation], task: Task) -> Transcript:
    """Make the calls one after the other, silently, for as long as the course allows."""
    described, blobs = encode_calls(calls)
    clock, replies = Clock(task.limits.wall_seconds), Replies(program, len(calls), task.limits.output_mb)
    kept = _Kept(task.limits.output_mb, clock)
    kept.send({"load": []})
    names, payload = {program.function: function}, b"".join(blobs)

    def make_calls() -> None:
        for _, arguments in described:
            answering.call(names, program.function, cast(list[Any], arguments), payload, kept)

    began = time.monotonic()
    with quiet():
        clock.run(make_calls)
    replies.feed(bytes(kept.kept))
    late = clock.rung and not replies.complete
    detail = say("it was not done after {seconds:g} s", seconds=task.limits.wall_seconds) if late else ""
    return Transcript(program.function, replies.all_replies(), end="timeout" if late else "finished", detail=detail,
                      wall_seconds=time.monotonic() - began)


# --- showing ----------------------------------------------------------------------------------------------------------


def _show(shown: Shown) -> None:
    """As HTML where there is a notebook to show it, as text anywhere else."""
    if find_shell() is None:
        _say(repr(shown))
        return
    from IPython.display import display

    display(shown)  # type: ignore[no-untyped-call]  # IPython says no types


def _say(text: str) -> None:
    print(text, flush=True)
