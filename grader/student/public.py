"""The public plan as text: what may be told of an assignment, so that its checks run where no reference is.

In it are the public cases with what they must return, the worked examples, the shapes of all other answers, the hand-out, the
words for each slip, and what known slips return for the public cases. No line of the teacher's code, no hidden case, no seed.
"""

from __future__ import annotations

import base64
import json
import lzma
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from grader.lattice import Entry, Lattice, RawAnswer, assemble, calls_of
from grader.lay_plan import identify_call, lay_plan, make_generator
from grader.messages import word
from grader.model import Answer, Argument, Array, Case, Example, Invocation, Limits, Property
from grader.plan import ExercisePlan, Plan
from grader.task import Data, Exercise, Imports, Question, Returns, SelfCheck, Slip, Task, Tolerance
from grader.translate import catalogue_of

DIGITS = 12
"""Significant digits of expected numbers: more than any tolerance needs, fewer than differ from processor to processor."""
SEED = "public"
"""What the relations' data are drawn from; a grader draws them from its secret."""

Relations = Callable[[np.random.Generator, Mapping[str, tuple[Argument, ...]]], list[Property]]


@dataclass(frozen=True, eq=False)
class PublicCourse:
    """What a self-check needs: a plan that cannot be asked for more, what known slips return, and the hand-out (.ipynb).

    `versions` are those of Python and NumPy where it was made, and so where hand-ins are graded. `more` is by how much the
    grader's calls of each function outnumber the public ones.
    """

    task: Task
    plan: Plan
    lattice: Lattice
    handout: bytes
    versions: tuple[str, str]
    more: Mapping[str, float]


def versions_here() -> tuple[str, str]:
    """Of Python and NumPy, without the last number, which changes no notebook's fate."""
    return ".".join(map(str, sys.version_info[:2])), ".".join(np.__version__.split(".")[:2])


def pack_plan(plan: Plan, task: Task, handout: bytes, whole: Mapping[str, int]) -> str:
    """A public plan as JSON, to be read by people too; `whole` is how many calls a grader makes of each exercise's function."""
    exercises = plan.exercises.values()
    return json.dumps({
        "task": _describe_task(plan, task),
        "parameters": {one.name: one.parameters for one in exercises},
        "cases": {one.name: _describe_cases(one) for one in exercises},
        "examples": {one.name: _describe_examples(one) for one in exercises},
        "shapes": {
            _key(call): {name: array.shape for name, array in expected.items()}
            for one in exercises for call, expected in zip(one.calls, one.expected, strict=True)
        },
        "handout": json.loads(handout),
        "versions": versions_here(),
        "calls": {one.name: [len(one.order), whole[one.name]] for one in exercises},
    }, ensure_ascii=False, indent=None, separators=(", ", ": "))


def pack_lattice(lattice: Lattice) -> str:
    """What known slips return, in base64: a JSON index and the numbers, each array once, in single precision."""
    places: dict[bytes, int] = {}
    numbers = bytearray()

    def place(array: Array) -> list[object]:
        blob = array.astype("<f4").tobytes()
        if blob not in places:
            places[blob] = len(numbers)
            numbers.extend(blob)
        return [places[blob], array.shape]

    index = {
        name: [
            [sorted(entry.slips), entry.on_earlier, [None if one is None else [*map(place, one)] for one in entry.answers]]
            for entry in laid.entries
        ]
        for name, laid in lattice.items()
    }
    text = json.dumps(index, separators=(",", ":")).encode()
    packed = lzma.compress(len(text).to_bytes(4, "little") + text + numbers, preset=9)
    return base64.b64encode(packed).decode()


def unpack(plan_text: str, lattice_text: str, relations: Relations | None) -> PublicCourse:
    """The course that was packed; `relations` is the hand-out's function of that name."""
    told = json.loads(plan_text)
    task = _read_task(told["task"])
    cases, examples = _read_cases(told["cases"]), _read_examples(told["examples"])
    known = {
        identify_call(Invocation(name, _read_arguments(one["arguments"]))): _read_answer(one["expected"])
        for kind in ("cases", "examples") for name, group in told[kind].items() for one in group
    }

    def ask(call: Invocation) -> tuple[Answer, tuple[Invocation, ...]]:
        answer = known.get(identify_call(call))
        return answer if answer is not None else _sealed(told["shapes"][_key(call)]), ()

    published = {name: group[0].arguments for name, group in cases.items() if group}
    found = relations(make_generator(SEED, "relations"), published) if relations else []
    parameters = {name: tuple(names) for name, names in told["parameters"].items()}
    plan = lay_plan(task, cases, [one for one in found if one.visibility == "public"], examples, parameters, ask, SEED)
    lattice = _read_lattice(plan, lattice_text)
    more = {name: whole / max(public, 1) for name, (public, whole) in told["calls"].items()}
    return PublicCourse(task, plan, lattice, json.dumps(told["handout"]).encode(), tuple(told["versions"]), more)


def _sealed(shapes: Mapping[str, Sequence[int]]) -> Answer:
    """An answer of which only the shapes are told; nothing is compared with its numbers."""
    return {name: np.full(shape, np.nan) for name, shape in shapes.items()}


def _key(call: Invocation) -> str:
    """What decides the shapes of an answer: the function, its arguments' shapes, and its plain numbers."""
    sizes = ("×".join(map(str, one.shape)) if isinstance(one, np.ndarray) else repr(one) for one in call.arguments)
    return f"{call.function}({', '.join(sizes)})"


# --- the task -----------------------------------------------------------------------------------------------------------


def _describe_task(plan: Plan, task: Task) -> dict[str, Any]:
    fields = ("name", "title", "exercises", "questions", "slips", "lang", "tolerance", "limits", "imports", "data", "selfcheck",
              "notebook_mb")
    told = {name: getattr(task, name) for name in fields}
    told["texts"] = _public_texts(plan, task)
    told["imports"] = replace(task.imports, reason=word(task.imports.reason, catalogue_of(task)))
    told["exercises"] = {name: replace(one, marks={}, costs={}) for name, one in task.exercises.items()}  # no marks are given
    return json.loads(json.dumps(told, default=asdict))  # type: ignore[no-any-return]  # an object, as it went in


def _public_texts(plan: Plan, task: Task) -> dict[str, str] | None:
    """Translations of what the public cases, relations and examples say, and of nothing else."""
    if task.texts is None:
        return None
    said: set[str] = set()
    for exercise in plan.exercises.values():
        said |= {text for one in exercise.cases for text in (one.case.title, one.case.advice)}
        said |= {text for one in exercise.examples for text in (one.example.title, *(step for step, _ in one.example.steps))}
        for planned in exercise.properties:
            answers = [plan.exercises[name].expected[call] for name, call in planned.calls]
            said |= {planned.property.title, planned.property.advice}
            said |= {pair.label for pair in planned.property.compare(answers)}
    return {text: translation for text, translation in task.texts.items() if text in said}


def _read_task(told: Mapping[str, Any]) -> Task:
    return Task(
        name=told["name"], title=told["title"], lang=told["lang"], tolerance=Tolerance(**told["tolerance"]),
        exercises={name: _read_exercise(one) for name, one in told["exercises"].items()},
        questions={name: Question(**one) for name, one in told["questions"].items()},
        slips={name: Slip(**{**one, "confused_with": tuple(one["confused_with"])}) for name, one in told["slips"].items()},
        limits=Limits(**told["limits"]), imports=Imports(**_tuples(told["imports"])), data=Data(**_tuples(told["data"])),
        selfcheck=SelfCheck(**_tuples(told["selfcheck"])), texts=told["texts"],
        notebook_mb=told["notebook_mb"],
    )


def _read_exercise(told: Mapping[str, Any]) -> Exercise:
    returns = tuple(Returns(**_tuples(one)) for one in told["returns"])
    return Exercise(**{**_tuples(told), "returns": returns})


def _tuples(told: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in told.items()}


# --- cases and examples -------------------------------------------------------------------------------------------------


def _describe_cases(exercise: ExercisePlan) -> list[dict[str, Any]]:
    return [
        {"id": one.case.id, "title": one.case.title, "pays": one.case.pays, "advice": one.case.advice,
         "arguments": _describe_arguments(one.case.arguments), "expected": _describe_answer(exercise.expected[one.call])}
        for one in exercise.cases if one.case.visibility == "public"
    ]


def _describe_examples(exercise: ExercisePlan) -> list[dict[str, Any]]:
    return [
        {"title": one.example.title, "arguments": _describe_arguments(one.example.arguments),
         "steps": [[label, _rounded(np.asarray(array, float)).tolist()] for label, array in one.example.steps],
         "expected": _describe_answer(exercise.expected[one.call])}
        for one in exercise.examples
    ]


def _describe_arguments(arguments: Sequence[Argument]) -> list[Any]:
    return [_describe_array(one) if isinstance(one, np.ndarray) else one for one in arguments]


def _describe_array(array: Array) -> object:
    """Rows of numbers, which people can read, where nothing is lost by it."""
    if array.dtype == float and array.size and array.ndim:
        rows: object = array.tolist()
        return rows
    flat = array.ravel()
    return {"dtype": array.dtype.str, "shape": array.shape, "numbers": flat.view(flat.real.dtype).tolist()}


def _describe_answer(answer: Answer) -> dict[str, Any]:
    return {name: _rounded(array).tolist() for name, array in answer.items()}


def _rounded(array: Array) -> Array:
    return np.vectorize(lambda number: float(f"{number:.{DIGITS}g}"), otypes=[float])(array)  # type: ignore[no-any-return]


def _read_cases(told: Mapping[str, Any]) -> dict[str, list[Case]]:
    return {
        name: [Case(one["id"], one["title"], _read_arguments(one["arguments"]), "public", one["pays"], one["advice"])
               for one in group]
        for name, group in told.items()
    }


def _read_examples(told: Mapping[str, Any]) -> dict[str, list[Example]]:
    return {
        name: [Example(one["title"], _read_arguments(one["arguments"]),
                       tuple((label, np.asarray(array, float)) for label, array in one["steps"])) for one in group]
        for name, group in told.items()
    }


def _read_arguments(told: Sequence[Any]) -> tuple[Argument, ...]:
    return tuple(_read_array(one) if isinstance(one, list | dict) else one for one in told)


def _read_array(told: Any) -> Array:
    if isinstance(told, list):
        return np.array(told, dtype=float)
    kind = np.dtype(told["dtype"])
    numbers = np.array(told["numbers"], dtype=np.empty(0, kind).real.dtype)
    array: Array = numbers.view(kind).reshape(told["shape"])
    return array


def _read_answer(told: Mapping[str, Any]) -> Answer:
    return {name: np.asarray(array, dtype=float) for name, array in told.items()}


# --- what known slips return ---------------------------------------------------------------------------------------------


def _read_lattice(plan: Plan, text: str) -> Lattice:
    packed = lzma.decompress(base64.b64decode(text))
    size = int.from_bytes(packed[:4], "little")
    index, numbers = json.loads(packed[4:4 + size]), packed[4 + size:]

    def array(place: tuple[int, list[int]]) -> Array:
        begin, shape = place
        return np.ndarray(shape, "<f4", numbers, begin).astype(float)

    def answer(places: list[tuple[int, list[int]]] | None) -> RawAnswer | None:
        return None if places is None else tuple(map(array, places))

    return {
        name: assemble(plan, calls_of(plan.exercises[name]), [
            Entry(frozenset(slips), on_earlier, tuple(map(answer, answers))) for slips, on_earlier, answers in entries
        ])
        for name, entries in index.items()
    }
