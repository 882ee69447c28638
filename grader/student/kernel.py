"""`check(...)` in a running kernel: the student's own functions, called as they are now, in their own process.

They are objects, not cells, so what is read from source elsewhere is read from their code objects here.
"""

from __future__ import annotations

import builtins
import contextlib
import dis
import hashlib
import inspect
import json
import os
import threading
import time
import types
from _thread import interrupt_main
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from grader.messages import say
from grader.model import Extraction, Invocation, Listing, ModuleUse, Program, Slice, Transcript
from grader.sandbox import answering
from grader.sandbox.replies import Replies
from grader.student.command import HIDDEN
from grader.student.outcome import check_extraction
from grader.student.public import PublicCourse
from grader.student.telling import Report, as_html, as_text, make_report
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
    problem = _what_is_wrong(known, task)
    if problem:
        _say(problem)
        return
    stubs = find_stubs(course.handout, tuple(task.exercises))
    slices = {name: _slice(name, known.get(name), task, stubs.get(name)) for name in task.exercises}
    callables: dict[str, Callable[..., object]] = {name: one for name, one in known.items() if callable(one)}
    outcome = check_extraction(
        Extraction(slices, {}), course, lambda program, calls: _run(callables[program.function], program, calls, task))
    _show(Shown(make_report(outcome, task, choose_hints(outcome, task, home / HIDDEN / "tries.json"))))


def _sort_out(
    functions: Sequence[object], named: Mapping[str, object], namespace: Mapping[str, object], task: Task
) -> dict[str, object]:
    """Objects by exercise: by keyword, by their own names, by position; with none given, by what the caller calls them."""
    if not functions and not named:
        return {name: namespace[name] for name in task.exercises if name in namespace}
    known = {name: one for name, one in named.items() if name in task.exercises}
    rest = []
    for one in functions:
        name = getattr(one, "__name__", "")
        if name in task.exercises and name not in known:
            known[name] = one
        else:
            rest.append(one)
    free = (name for name in task.exercises if name not in known)
    return {**known, **dict(zip(free, rest, strict=False))}


def _what_is_wrong(known: Mapping[str, object], task: Task) -> str:
    words, names = WORDS[task.lang], ", ".join(task.exercises)
    if not known:
        return words.no_functions.format(names=names, arguments=names)
    for name, one in known.items():
        if not callable(one):
            return words.not_a_function.format(name=name, kind=type(one).__name__)
    return ""


# --- what a function needs, by its code -------------------------------------------------------------------------------


def _slice(name: str, function: object, task: Task, stub: types.CodeType | None) -> Slice:
    if function is None:
        return Slice("missing", say("`{name}` was not given to check().", name=name))
    code = getattr(inspect.unwrap(function) if callable(function) else function, "__code__", None)
    if stub is not None and code is not None and _is_same(code, stub):
        return Slice("missing", say("`{name}` is still the hand-out's stub.", name=name))
    before = set(task.exercises[name].builds_on)
    reached, own = set(_reach(function, frozenset())), set(_reach(function, frozenset(before)))
    digests = "\n".join(sorted(text for _, text in reached)) + _text(code)
    return Slice(
        "defined", program=Program(name, ()), uses=frozenset(used for used, _ in reached),
        own_uses=frozenset(used for used, _ in own), listings=(Listing(1, 1, digests),),
        imports=tuple(ModuleUse(module, None, None) for module in sorted(_modules(function))),
    )


def _reach(function: object, stop: frozenset[str]) -> Iterator[tuple[str, str]]:
    """(name, digest of its code) of globals that a function reads, through other functions too, but for those in `stop`."""
    seen: set[int] = set()
    waiting = [function]
    while waiting:
        one = waiting.pop()
        code, names = getattr(one, "__code__", None), getattr(one, "__globals__", {})
        if not isinstance(code, types.CodeType) or id(code) in seen:
            continue
        seen.add(id(code))
        for name in _global_names(code):
            if name in names and not hasattr(builtins, name):
                yield name, _text(getattr(names[name], "__code__", None))
                if name not in stop:
                    waiting.append(names[name])
        waiting += [cell.cell_contents for cell in getattr(one, "__closure__", None) or () if _is_filled(cell)]


def _is_filled(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018  asks whether it may be asked
    except ValueError:
        return False
    return True


def _all_code(code: types.CodeType) -> Iterator[types.CodeType]:
    """A code object and those of functions written inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _all_code(constant)


def _global_names(code: types.CodeType) -> set[str]:
    return {
        str(step.argval) for part in _all_code(code) for step in dis.get_instructions(part)
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }


def _modules(function: object) -> set[str]:
    """Top-level modules that a function and what it calls import or name."""
    found: set[str] = set()
    globals_of = getattr(function, "__globals__", {})
    names = {name for name, _ in _reach(function, frozenset())}
    for value in (globals_of[name] for name in names if name in globals_of):
        home = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
        if isinstance(home, str):
            found.add(home.partition(".")[0])
    codes = [getattr(function, "__code__", None), *(getattr(globals_of.get(name), "__code__", None) for name in names)]
    for code in codes:
        for part in _all_code(code) if isinstance(code, types.CodeType) else ():
            found |= {str(step.argval).partition(".")[0] for step in dis.get_instructions(part) if step.opname == "IMPORT_NAME"}
    return found


def _text(code: types.CodeType | None) -> str:
    """A digest of what a code object does."""
    if code is None:
        return ""
    parts = [(part.co_code, part.co_names, [one for one in part.co_consts if not isinstance(one, types.CodeType)])
             for part in _all_code(code)]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def find_stubs(handout: bytes, names: Sequence[str]) -> dict[str, types.CodeType]:
    """The hand-out's own definition of each exercise as compiled code, where its cell is plain Python."""
    stubs = {}
    for cell in json.loads(handout)["cells"]:
        with contextlib.suppress(SyntaxError, ValueError):
            module = compile("".join(cell["source"]), "<handout>", "exec") if cell["cell_type"] == "code" else None
            for code in module.co_consts if module else ():
                if isinstance(code, types.CodeType) and code.co_name in names:
                    stubs[code.co_name] = code
    return stubs


def _is_same(one: types.CodeType, other: types.CodeType) -> bool:
    """Whether two functions do the same, whatever stands in their docstrings."""
    def shape(code: types.CodeType) -> object:
        return code.co_code, code.co_names, code.co_varnames, [type(constant) for constant in code.co_consts]

    return shape(one) == shape(other)


# --- calls ------------------------------------------------------------------------------------------------------------


class _Kept(answering.Replies):
    """Keeps what is said in memory; lets the student, or the clock, interrupt."""

    def __init__(self, output_mb: int) -> None:
        super().__init__(-1, output_mb * answering.MB)
        self.kept = bytearray()

    def put(self, view: memoryview) -> int:
        """See answering.Replies."""
        self.kept += view
        return len(view)

    def send(self, content: dict[str, Any], blobs: list[bytes] | None = None) -> None:
        """See answering.Replies."""
        if content.get("raised", {}).get("exception") == "KeyboardInterrupt":
            raise KeyboardInterrupt
        super().send(content, blobs)


def _run(function: Callable[..., object], program: Program, calls: Sequence[Invocation], task: Task) -> Transcript:
    """Make the calls one after the other, silently, for as long as the course allows."""
    described, blobs = encode_calls(calls)
    kept, replies = _Kept(task.limits.output_mb), Replies(program, len(calls), task.limits.output_mb)
    kept.send({"load": []})
    names, payload = {program.function: function}, b"".join(blobs)
    began = time.monotonic()
    with _silence(), _alarm(task.limits.wall_seconds) as rung:
        for _, arguments in described:
            answering.call(names, program.function, cast(list[Any], arguments), payload, kept)
    replies.feed(bytes(kept.kept))
    late = say("it was not done after {seconds:g} s", seconds=task.limits.wall_seconds) if rung else ""
    return Transcript(program.function, replies.all_replies(), end="timeout" if rung else "finished", detail=late,
                      wall_seconds=time.monotonic() - began)


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[list[bool]]:
    """Interrupt what runs when the time is up, as Ctrl-C would; what is yielded is not empty from then on."""
    rung: list[bool] = []

    def ring() -> None:
        rung.append(True)
        interrupt_main()

    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    timer.start()
    try:
        yield rung
    except KeyboardInterrupt:
        if not rung:  # it was the student
            raise
    finally:
        timer.cancel()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: SIM117  one opens what the others use
        with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            yield


# --- showing ----------------------------------------------------------------------------------------------------------


def _show(shown: Shown) -> None:
    """As HTML where there is a notebook to show it, as text anywhere else."""
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        _say(repr(shown))
        return
    if get_ipython() is None:
        _say(repr(shown))
    else:
        display(shown)  # type: ignore[no-untyped-call]  # IPython types it not


def _say(text: str) -> None:
    print(text, flush=True)
