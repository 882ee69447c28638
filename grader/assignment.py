"""reference/<name>/ -> Assignment. A wrong assignment stops here, with the file, the key and the mend.

Comes in: a folder with assignment.toml, solution.py and cases.py, all by the teacher, all trusted.
"""

from __future__ import annotations

import datetime as dt
import difflib
import hashlib
import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from grader.errors import AssignmentError, where_raised
from grader.messages import Message
from grader.model import Limits, SandboxLevel
from grader.task import Data, Exercise, Found, Hint, Imports, Language, Question, Returns, SelfCheck, Slip, Task, Tolerance
from grader.texts import read_texts


@dataclass(frozen=True, kw_only=True)
class LimitsTable:
    """See `model.Limits`; `notebook_mb` is the largest file that is read at all."""

    cpu_seconds: float = 5.0
    wall_seconds: float = 10.0
    memory_mb: int = 1024
    output_mb: int = 64
    notebook_mb: int = 50


@dataclass(frozen=True, kw_only=True)
class _Slips:
    slips: dict[str, Slip] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _File:
    title: str
    template: str
    exercises: dict[str, Exercise]
    questions: dict[str, Question] = field(default_factory=dict)
    lang: Language = "en"
    sandbox: SandboxLevel = "inner wall"
    release_hidden: dt.datetime | None = None
    tolerance: Tolerance = field(default_factory=Tolerance)
    limits: LimitsTable = field(default_factory=LimitsTable)
    imports: Imports = field(default_factory=Imports)
    data: Data = field(default_factory=Data)
    selfcheck: SelfCheck = field(default_factory=SelfCheck)
    relations: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Assignment(Task):
    """A task with the teacher's files, read and checked. `digest` changes with any file that can change a mark.

    `own_texts` lists the texts of the toml files as they were before they were translated. `sandbox` is the least that student
    code is run behind. `release_hidden` is when pages may begin to show what hidden cases expect, None for never.
    """

    folder: Path
    template: Path
    sandbox: SandboxLevel
    release_hidden: dt.datetime | None
    solution: ModuleType
    cases: ModuleType
    relations: ModuleType | None
    misconceptions: ModuleType | None
    digest: str
    own_texts: tuple[str, ...] = ()

    @property
    def written_in(self) -> Language:
        """The language of the hand-out, and of the course's texts before they are translated."""
        return "en" if self.texts is not None else self.lang

    def shows_hidden(self, now: dt.datetime) -> bool:
        """Whether pages written then may show what hidden cases expect; `now` has a time zone."""
        return self.release_hidden is not None and now >= self.release_hidden


def load_assignment(folder: Path) -> Assignment:
    """Read and check one assignment's folder; raises AssignmentError."""
    file = folder / "assignment.toml"
    table = _read_table(file, _File)
    words = folder / "misconceptions.toml"
    slips = _read_table(words, _Slips).slips if words.exists() else {}
    texts = read_texts(folder / f"texts.{table.lang}.toml") if table.lang != "en" else None
    own = tuple(_own_texts(table, slips))
    if texts:
        _check_axes(folder / f"texts.{table.lang}.toml", table, texts)
        table, slips = _translate(table, texts), {name: _translate_slip(slip, texts) for name, slip in slips.items()}
    _check_exercises(file, table)
    _check_slips(file, words, table, slips)
    _check_questions(file, table)
    _check_release(file, table)
    _check_numbers(file, table)
    template = (folder / table.template).resolve()
    if not template.is_file():
        raise AssignmentError(file, "template", f"there is no notebook at {table.template!r}",
                              "give the hand-out's path relative to this file")
    solution = _import(folder / "solution.py", f"_reference_{folder.name}_solution")
    cases = _import(folder / "cases.py", f"_reference_{folder.name}_cases")
    file_of_relations = _find_relations(folder, table)
    relations = _import(file_of_relations, f"_handout_{folder.name}_relations") if file_of_relations else None
    lattice = folder / "misconceptions.py"
    misconceptions = _import(lattice, f"_reference_{folder.name}_misconceptions") if lattice.exists() else None
    _check_functions(folder, table, solution, cases, relations)
    limits = table.limits
    return Assignment(
        name=folder.resolve().name, folder=folder, title=table.title, template=template, exercises=table.exercises,
        questions=table.questions, slips=slips, lang=table.lang, sandbox=table.sandbox,
        release_hidden=table.release_hidden, tolerance=table.tolerance, imports=table.imports,
        data=table.data, selfcheck=table.selfcheck,
        limits=Limits(limits.cpu_seconds, limits.wall_seconds, limits.memory_mb, limits.output_mb),
        notebook_mb=limits.notebook_mb, solution=solution, cases=cases, misconceptions=misconceptions,
        relations=relations,
        digest=_digest([*sorted(folder.glob("*.py")), *sorted(folder.glob("*.toml")), template,
                        *([file_of_relations] if file_of_relations else [])]),
        texts=texts, own_texts=own,
    )


def _find_relations(folder: Path, table: _File) -> Path | None:
    if not table.relations:
        return None
    file = (folder / table.relations).resolve()
    if not file.is_file():
        raise AssignmentError(folder / "assignment.toml", "relations", f"there is no file at {table.relations!r}",
                              "give the path of the hand-out's relations.py relative to this file, or take the key out")
    return file


def _own_texts(table: _File, slips: Mapping[str, Slip]) -> Iterator[str]:
    """What the toml files say to people."""
    yield table.title
    if table.imports.forbidden and not isinstance(table.imports.reason, Message):
        yield table.imports.reason
    for exercise in table.exercises.values():
        yield exercise.title
        for spec in exercise.returns:
            yield from spec.axes.split()
            if spec.picture:
                yield spec.words
    yield from (question.title for question in table.questions.values())
    yield from (text for slip in slips.values() for text in (slip.title, slip.idea, slip.hint) if text)


def _check_axes(file: Path, table: _File, texts: Mapping[str, str]) -> None:
    """Axes are told apart by spaces, and an array's must differ."""
    for axis in {axis for exercise in table.exercises.values() for spec in exercise.returns for axis in spec.axes.split()}:
        if len(texts.get(axis, axis).split()) != 1:
            raise AssignmentError(file, f'"{axis}"', "is an axis, and has more than one word", "write it in one word")


def _translate(table: _File, texts: Mapping[str, str]) -> _File:
    """assignment.toml with its texts in another language; what is no key of `texts` stays."""
    def put(text: str) -> str:
        return texts.get(text, text)

    return replace(
        table, title=put(table.title), imports=replace(table.imports, reason=put(table.imports.reason)),
        exercises={name: _translate_exercise(exercise, texts) for name, exercise in table.exercises.items()},
        questions={name: replace(question, title=put(question.title)) for name, question in table.questions.items()},
    )


def _translate_exercise(exercise: Exercise, texts: Mapping[str, str]) -> Exercise:
    def axes(words: str) -> str:
        return " ".join(texts.get(word, word) for word in words.split())

    returns = tuple(replace(spec, axes=axes(spec.axes), also=tuple(map(axes, spec.also))) for spec in exercise.returns)
    return replace(exercise, title=texts.get(exercise.title, exercise.title), returns=returns)


def _translate_slip(slip: Slip, texts: Mapping[str, str]) -> Slip:
    title, idea, hint = (texts.get(text, text) for text in (slip.title, slip.idea, slip.hint))
    return replace(slip, title=title, idea=idea, hint=hint)


Read = TypeVar("Read")


def _read_table(file: Path, kind: type[Read]) -> Read:
    try:
        text = file.read_bytes()
    except OSError as error:
        raise AssignmentError(file, "", f"cannot be read ({error.strerror})",
                              "give --assignment a folder that holds an assignment.toml") from None
    try:
        _refuse_unknown(file, msgspec.toml.decode(text), kind)
        return msgspec.toml.decode(text, type=kind)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$")
        path = _named(path.strip("`."), text)
        raise AssignmentError(file, path or "(top)", problem, _mend(problem, path)) from None
    except (msgspec.DecodeError, ValueError) as error:
        raise AssignmentError(file, _line_of(str(error)), f"not valid TOML: {error}", "mend the line it names") from None


def _refuse_unknown(file: Path, table: Any, kind: type) -> None:
    for path, key in _find_unknown(table, kind, ""):
        near = difflib.get_close_matches(key, _known_keys(), 1)
        raise AssignmentError(file, path.removeprefix(".") or "(top)", f"Object contains unknown field `{key}`",
                              f"did you mean {near[0]}?" if near else "take the key out, or correct its spelling")


def _find_unknown(value: Any, kind: Any, path: str) -> Iterator[tuple[str, str]]:
    """(path of the table, key) for each key that no dataclass of `kind` knows; a value of another kind is not looked into."""
    if get_origin(kind) is dict and isinstance(value, dict):
        for key, item in value.items():
            yield from _find_unknown(item, get_args(kind)[1], f"{path}.{key}")
    elif get_origin(kind) is tuple and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _find_unknown(item, get_args(kind)[0], f"{path}[{index}]")
    elif is_dataclass(kind) and isinstance(value, dict):
        known = get_type_hints(kind)
        for key, item in value.items():
            if key not in known:
                yield path, key
            else:
                yield from _find_unknown(item, known[key], f"{path}.{key}")


def _named(path: str, text: bytes) -> str:
    """A path with the name of the table that it leaves open: `exercises[...].points` says not which."""
    kinds = {"exercises": Exercise, "questions": Question, "slips": Slip}
    top, left_open, rest = path.partition("[...]")
    for name, table in msgspec.toml.decode(text).get(top, {}).items() if left_open and top in kinds else ():
        try:
            msgspec.convert(table, kinds[top])
        except msgspec.ValidationError:
            return f"{top}.{name}{rest}"
    return path


_CHOICES = {"found_by": Found, "hints": Hint, "lang": Language, "sandbox": SandboxLevel}


def _mend(problem: str, path: str) -> str:
    if "missing required field" in problem:
        return "add the key"
    if "enum value" in problem:
        key = re.findall(r"[A-Za-z_]\w*", path)[-1]  # of `selfcheck.hints[0]` too
        return f"choose from {', '.join(get_args(_CHOICES[key]))}"
    return "give a value of the kind it expects"


def _known_keys() -> list[str]:
    tables = (_File, Tolerance, LimitsTable, Imports, Data, Exercise, Returns, Question, SelfCheck, Slip)
    return [one.name for table in tables for one in fields(table)]


def _line_of(message: str) -> str:
    found = re.search(r"line (\d+)", message)
    return f"line {found[1]}" if found else ""


def _check_exercises(file: Path, table: _File) -> None:
    if not table.exercises:
        raise AssignmentError(file, "exercises", "there is none", "add a table [exercises.<function name>]")
    names = list(table.exercises)
    for position, (name, exercise) in enumerate(table.exercises.items()):
        key = f"exercises.{name}"
        if not name.isidentifier():
            raise AssignmentError(file, key, "is no Python function name", "name the table as the function is named")
        if not 0 < exercise.points < float("inf"):
            raise AssignmentError(file, f"{key}.points", f"is {exercise.points:g}", "give a number above 0")
        if not exercise.returns:
            raise AssignmentError(file, f"{key}.returns", "is empty", f"add a [[{key}.returns]] for each returned array")
        for earlier in exercise.builds_on:
            if earlier not in names[:position]:
                raise AssignmentError(file, f"{key}.builds_on", f"{earlier!r} is no earlier exercise",
                                      f"choose from {', '.join(names[:position]) or 'nothing: this is the first'}")
        _check_layouts(file, key, exercise)
        _check_marks(file, key, exercise)


def _check_layouts(file: Path, key: str, exercise: Exercise) -> None:
    for index, spec in enumerate(exercise.returns):
        where = f"{key}.returns[{index}]"
        axes = spec.axes.split()
        if len(set(axes)) != len(axes):
            raise AssignmentError(file, f"{where}.axes", "names an axis twice", "give each axis a name of its own")
        for layout in spec.also:
            if not set(layout.split()) <= set(axes):
                raise AssignmentError(file, f"{where}.also", f"{layout!r} has an axis that `axes` has not",
                                      f"use the words of {spec.axes!r}")
        if index == 0 and spec.optional:
            raise AssignmentError(file, f"{where}.optional", "the first returned array cannot be optional", "take it out")


def _check_marks(file: Path, key: str, exercise: Exercise) -> None:
    for check, share in exercise.marks.items():
        if not 0 <= share < float("inf"):
            raise AssignmentError(file, f'{key}.marks."{check}"', f"is {share:g}", "give a number of 0 or more")
    if not any(share > 0 for check, share in exercise.marks.items() if check.startswith("values.")):
        raise AssignmentError(file, f"{key}.marks", "no check of values pays anything",
                              'give at least one "values.<case>" a share above 0')


def _check_questions(file: Path, table: _File) -> None:
    for name, question in table.questions.items():
        if not 0 <= question.points < float("inf"):
            raise AssignmentError(file, f"questions.{name}.points", f"is {question.points:g}", "give a number of 0 or more")


def _check_release(file: Path, table: _File) -> None:
    if table.release_hidden is not None and table.release_hidden.tzinfo is None:
        raise AssignmentError(file, "release_hidden", "says no time zone",
                              "end it with Z or an offset, as in 2027-01-31T18:00:00+01:00")


LEAST: dict[str, float] = {"cpu_seconds": 0.05, "wall_seconds": 0.05, "memory_mb": 32, "output_mb": 1, "notebook_mb": 1}
"""Limits below which no function runs at all, and every student would get what is the teacher's slip."""


def _check_numbers(file: Path, table: _File) -> None:
    for key, least in LEAST.items():
        value = getattr(table.limits, key)
        if not least <= value < float("inf"):
            raise AssignmentError(file, f"limits.{key}", f"is {value:g}", f"give a number of {least:g} or more")
    if not table.selfcheck.hints:
        raise AssignmentError(file, "selfcheck.hints", "is empty", f"choose from {', '.join(get_args(Hint))}")
    if not 0 < table.tolerance.relative < 1:
        raise AssignmentError(file, "tolerance.relative", f"is {table.tolerance.relative:g}", "give a share above 0 and below 1")


def _check_slips(file: Path, words: Path, table: _File, slips: Mapping[str, Slip]) -> None:
    for name, slip in slips.items():
        for other in slip.confused_with:
            if other not in slips:
                raise AssignmentError(words, f"slips.{name}.confused_with", f"{other!r} is no slip", "correct its spelling")
    for exercise, spec in table.exercises.items():
        for name, cost in spec.costs.items():
            key = f"exercises.{exercise}.costs.{name}"
            if name not in slips and name != "any_slip":
                raise AssignmentError(file, key, "is no slip of misconceptions.toml", "correct its spelling, or take it out")
            if not 0 <= cost <= spec.points:
                raise AssignmentError(file, key, f"is {cost:g}", f"give a number from 0 to {spec.points:g}")


def _import(file: Path, name: str) -> ModuleType:
    """Run a teacher's file as a module of its own; its mistakes become AssignmentErrors with the line."""
    spec = importlib.util.spec_from_file_location(name, file)
    if not file.is_file() or spec is None or spec.loader is None:
        raise AssignmentError(file, "", "is missing", "an assignment needs assignment.toml, solution.py and cases.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(file.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise AssignmentError(file, where_raised(error, file), f"raised {type(error).__name__}: {error}",
                              f"make `python {file}` run") from error
    finally:
        sys.path.remove(str(file.parent))
    return module


def _check_functions(
    folder: Path, table: _File, solution: ModuleType, cases: ModuleType, relations: ModuleType | None
) -> None:
    for name in table.exercises:
        if not callable(getattr(solution, name, None)):
            raise AssignmentError(folder / "solution.py", name, "is not defined", "write the reference of every exercise")
    if not callable(getattr(cases, "cases", None)):
        raise AssignmentError(folder / "cases.py", "cases", "is not defined", "define `cases(rng)`")
    if relations is not None and not callable(getattr(relations, "relations", None)):
        raise AssignmentError(Path(str(relations.__file__)), "relations", "is not defined", "define `relations(rng, published)`")


def _digest(files: list[Path]) -> str:
    content = hashlib.sha256()
    for file in files:
        data = file.read_bytes()
        content.update(f"{file.name}\0{len(data)}\0".encode() + data)
    return content.hexdigest()
