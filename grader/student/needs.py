"""What a function needs, read from its code object: a function in a kernel has no cell.

Followed are helpers and what a callable wraps or holds, as far as they are the student's own; libraries are named, not entered.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import hashlib
import json
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

MOST_HELD = 100
"""Of what a container holds that is looked at."""


@dataclass(frozen=True)
class Needs:
    """Global names that are read when it is called, top-level modules that they come from or that it imports, and a digest of all
    its code."""

    names: frozenset[str]
    modules: frozenset[str]
    digest: str


def homes_of(namespace: Mapping[str, object], functions: Iterable[object]) -> frozenset[int]:
    """The ids of global namespaces that are the student's own: the notebook's, and those of the functions that are checked."""
    found = {id(namespace)}
    for function in functions:
        found |= {id(one.__globals__) for one in _wrapped_in(function) if isinstance(one, types.FunctionType)}
    return frozenset(found)


def read_needs(function: object, homes: frozenset[int], stop: frozenset[str] = frozenset()) -> Needs:
    """What a function needs, through helpers too, but for those whose names are in `stop`."""
    names: set[str] = set()
    modules: set[str] = set()
    texts = set()
    for one in _walk(function, homes, stop):
        own = {name for name in _global_names(one.__code__) if name in one.__globals__}
        names |= own
        modules |= _imported(one.__code__) | {_module_of(part) for name in own for part in _spread(one.__globals__[name])}
        texts.add(_text(one.__code__))
    digest = hashlib.sha256("\n".join(sorted(texts | names)).encode("utf-8", "surrogatepass")).hexdigest()
    return Needs(frozenset(names), frozenset(modules - {""}), digest)


def _walk(function: object, homes: frozenset[int], stop: frozenset[str]) -> Iterator[types.FunctionType]:
    """Each of the student's own functions that a callable leads to, once."""
    seen: set[int] = set()
    waiting = [function]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        waiting += _parts(one)
        if isinstance(one, types.FunctionType) and id(one.__globals__) in homes:
            yield one
            named = [one.__globals__[name] for name in _global_names(one.__code__) - stop if name in one.__globals__]
            waiting += [part for value in named for part in _spread(value)]


def _parts(one: object) -> list[object]:
    """What a callable wraps or holds, each of which may be a function of the student's."""
    if isinstance(one, functools.partial):
        return [one.func, *one.args, *one.keywords.values()]
    if isinstance(one, types.MethodType):
        return [one.__func__, type(one.__self__)]
    if isinstance(one, types.FunctionType):
        return [*_cells(one), *_wrapped(one)]
    if isinstance(one, staticmethod | classmethod):
        return [one.__func__]
    if isinstance(one, type):
        return list(vars(one).values())
    if isinstance(one, types.ModuleType):
        return []
    return [type(one), *_wrapped(one), *_held(one)] if callable(one) else [type(one)]


def _spread(value: object) -> list[object]:
    """A value, and what it holds where it is a plain container."""
    if isinstance(value, dict):
        return [value, *list(value.values())[:MOST_HELD]]
    return [value, *list(value)[:MOST_HELD]] if isinstance(value, list | tuple | set | frozenset) else [value]


def _held(one: object) -> list[object]:
    try:
        return [part for part in vars(one).values() if callable(part)]
    except TypeError:  # it has no attributes of its own
        return []


def _wrapped(one: object) -> list[object]:
    try:
        return [vars(one)["__wrapped__"]]
    except (TypeError, KeyError):
        return []


def _wrapped_in(one: object) -> Iterator[object]:
    """A callable, and what it wraps, inwards."""
    seen: list[object] = []
    waiting = [one]
    while waiting and not any(waiting[0] is before for before in seen):
        seen.append(waiting[0])
        waiting = [*_wrapped(waiting[0]), *(_parts(waiting[0]) if isinstance(waiting[0], functools.partial) else [])][:1]
    return iter(seen)


def _cells(function: types.FunctionType) -> list[object]:
    found: list[object] = []
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # it is not filled yet
            found.append(cell.cell_contents)
    return found


def _module_of(value: object) -> str:
    """The top-level module that a value is or comes from; "" where it does not say."""
    try:
        home = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", "")
    except (Exception, SystemExit):  # its own code raised
        return ""
    return home.partition(".")[0] if isinstance(home, str) else ""


def _all_code(code: types.CodeType) -> Iterator[types.CodeType]:
    """A code object and those of functions written inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _all_code(constant)


def _global_names(code: types.CodeType) -> set[str]:
    return {str(step.argval) for step in _steps(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}


def _imported(code: types.CodeType) -> set[str]:
    return {str(step.argval).partition(".")[0] for step in _steps(code) if step.opname == "IMPORT_NAME"}


def _steps(code: types.CodeType) -> Iterator[dis.Instruction]:
    for part in _all_code(code):
        yield from dis.get_instructions(part)


def _text(code: types.CodeType) -> str:
    """A digest of what a code object does."""
    parts = [(part.co_code, part.co_names, [one for one in part.co_consts if not isinstance(one, types.CodeType)])
             for part in _all_code(code)]
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()


# --- the hand-out's stubs ----------------------------------------------------------------------------------------------


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


def does_the_same(function: object, stub: types.CodeType) -> bool:
    """Whether a function takes and does what the stub does, whatever stands in its docstring."""
    return isinstance(function, types.FunctionType) and _shape(function.__code__) == _shape(stub)


def _shape(code: types.CodeType) -> object:
    return code.co_varnames, [(step.opname, step.argval) for step in dis.get_instructions(code) if step.opname != "NOP"]
