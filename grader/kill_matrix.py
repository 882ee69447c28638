"""Known wrong solutions against every check: what catches which slip, and whether each is named as itself.

Slips of the lattice are rehearsed in this process, since they are the teacher's own code. Slips of form are the reference with a
wrapper that makes the slip, as notebooks, through the box. A slip that no check catches, a check that catches nothing, and a slip
that is not named or named wrongly are faults of the assignment.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from grader.checks import Heard, judge
from grader.errors import SandboxError
from grader.messages import join_with_and, say
from grader.model import Check, Extraction, Finding, KillMatrix, KillRow, NotebookFile, Program, Slice, Submission, Variant
from grader.name_slips import name_slips
from grader.pipeline import Course, grade
from grader.plan import ExercisePlan
from grader.rehearse import rehearse
from grader.sandbox import Box
from grader.task import Exercise
from grader.variants import list_variants
from grader.verify import fill_in

FORBIDDEN_IMPORT = "(a forbidden import)"



def try_slips(course: Course, box: Box) -> KillMatrix:
    """Try every known slip on every exercise."""
    rows: list[KillRow] = []
    checks: dict[str, tuple[str, ...]] = {}
    right = {name: _hear(course, name, {}) for name in course.plan.exercises if not course.plan.exercises[name].spec.builds_on}
    for name, exercise in course.plan.exercises.items():
        if name not in right:
            right[name] = _hear(course, name, right)
        found = (finding.id for finding in right[name].judgement.findings)
        checks[name] = tuple(check for check in found if check != "source.reuse")  # no slip of the numbers: nothing to catch
        rows += [*_lattice_rows(course, exercise, right), *_form_rows(course, exercise, box)]
    return KillMatrix(checks, tuple(rows))


def _hear(course: Course, name: str, earlier: Mapping[str, Heard], variant: Variant | None = None) -> Heard:
    function = variant.function if variant else getattr(course.assignment.solution, name)
    transcript = rehearse(name, function, course.plan.exercises[name].invocations)
    return judge(course.plan, name, _slice(course.plan.exercises[name]), transcript, earlier)


def _slice(exercise: ExercisePlan) -> Slice:
    return Slice("defined", program=Program(exercise.name, ()), uses=frozenset(exercise.spec.builds_on))


def _lattice_rows(course: Course, exercise: ExercisePlan, right: Mapping[str, Heard]) -> Iterator[KillRow]:
    """Every single slip of the lattice; of several ways to write one, all must be named."""
    if course.assignment.misconceptions is None:
        return
    earlier = {part: getattr(course.assignment.solution, part) for part in exercise.spec.builds_on}
    extraction = Extraction({exercise.name: _slice(exercise)}, {})
    rows: dict[str, KillRow] = {}
    for variant in list_variants(course.assignment, exercise.name, earlier):
        if len(variant.slips) != 1:
            continue
        slip = next(iter(variant.slips))
        heard = _hear(course, exercise.name, right, variant)
        judgement = name_slips(course.plan, course.lattice, exercise.name, {**right, exercise.name: heard}, extraction)
        offered = (judgement.explanation.slips, *judgement.explanation.aliases) if judgement.explanation else ()
        row = KillRow(exercise.name, slip, _failed(judgement.findings), offered[0] if offered else (), "")
        row = replace(row, problem=_fault(row, known=(slip,) in offered))
        if slip not in rows or row.problem:
            rows[slip] = row
    yield from rows.values()


def _failed(findings: Sequence[Finding] | Sequence[Check]) -> tuple[str, ...]:
    return tuple(finding.id for finding in findings if finding.outcome == "failed")


def _fault(row: KillRow, *, known: bool) -> str:
    if not row.caught_by:
        return say("no check catches it")
    if known:
        return ""
    return say("it is named {slips}", slips=join_with_and(row.named)) if row.named else say("it is not named")


def _form_rows(course: Course, exercise: ExercisePlan, box: Box) -> Iterator[KillRow]:
    """The reference with each slip of form put around it, and with a forbidden import."""
    slips = {slip.found_by: name for name, slip in course.assignment.slips.items() if slip.found_by}
    with tempfile.TemporaryDirectory() as folder:
        for kind, body in _wrappers(course, exercise):
            file = Path(folder) / "mutant.ipynb"
            file.write_bytes(fill_in(course, _wrap(exercise.name, body)))
            graded = grade(Submission("mutant", (NotebookFile(file.name, file),), file.name), course, box)
            if graded.result.status != "graded":
                raise SandboxError(graded.result.attention[0].message)
            result = graded.result.exercises[exercise.name]
            named = tuple(diagnosis.id for diagnosis in result.diagnoses)
            if kind == "forbidden":
                problem = "" if result.verdict == "forbidden" else say("it is {verdict}", verdict=result.verdict)
                yield KillRow(exercise.name, FORBIDDEN_IMPORT, _failed(result.checks), named, problem)
            elif kind in slips:
                row = KillRow(exercise.name, slips[kind], _failed(result.checks), named, "")
                yield replace(row, problem=_fault(row, known=named == (row.slip,)))


def _wrap(name: str, body: str) -> str:
    indented = "\n".join(f"    {line}" for line in body.split("\n"))
    return f"_right_{name} = {name}\ndef {name}(*arguments):\n    right = _right_{name}\n{indented}"


def _wrappers(course: Course, exercise: ExercisePlan) -> Iterator[tuple[str, str]]:
    """(what finds it, the body of a wrapper that makes the slip) for what applies to this exercise."""
    spec: Exercise = exercise.spec
    public = next((planned.case for planned in exercise.cases if planned.case.visibility == "public"), exercise.cases[0].case)
    arrays = [at for at, argument in enumerate(public.arguments) if isinstance(argument, np.ndarray)]
    if len(spec.returns) > 1:
        yield "results_swapped", "return tuple(reversed(right(*arguments)))"
        if not all(returned.optional for returned in spec.returns[1:]):
            yield "result_left_out", "return right(*arguments)[0]"
        yield "answers_vary", "import random\nfirst, *rest = right(*arguments)\nreturn (first + random.random(), *rest)"
    else:
        yield "answers_vary", "import random\nreturn right(*arguments) + random.random()"
    if arrays:
        first = arrays[0]
        shape = tuple(np.asarray(public.arguments[first]).shape)
        yield "inputs_changed", f"result = right(*arguments)\narguments[{first}][...] = 0\nreturn result"
        yield "size_fixed", f"if arguments[{first}].shape != {shape}:\n    raise ValueError('size')\nreturn right(*arguments)"
        if course.assignment.data.arrays:
            name = course.assignment.data.arrays[0]
            yield "global_read", f"return right(*arguments[:{first}], {name}, *arguments[{first + 1}:])"
    if course.assignment.imports.forbidden:
        yield "forbidden", f"import {course.assignment.imports.forbidden[0]}\nreturn right(*arguments)"
