"""Assignment -> the students' bundle: one zip, built from a list of what may be in it, the same bytes each time."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import os
import re
import textwrap
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from grader.assignment import Assignment
from grader.errors import AssignmentError
from grader.lattice_cache import find_lattice
from grader.make_plan import make_plan
from grader.plan import Plan
from grader.student.public import SEED, PublicCourse, pack_lattice, pack_plan, unpack
from grader.student.set_up import ALSO, NEEDED

MODULES = (
    "grader",
    "grader.checks", "grader.checks.contract", "grader.checks.evidence", "grader.checks.phrases", "grader.checks.properties",
    "grader.checks.reading", "grader.checks.replies", "grader.checks.source", "grader.checks.values",
    "grader.diagnose", "grader.errors", "grader.examine",
    "grader.extract", "grader.extract.answers", "grader.extract.convert", "grader.extract.depth", "grader.extract.jupyter",
    "grader.extract.names", "grader.extract.notebook", "grader.extract.pictures", "grader.extract.slicing",
    "grader.lattice", "grader.lay_plan", "grader.marks",
    "grader.messages", "grader.messages.german", "grader.messages.languages",
    "grader.model", "grader.name_slips", "grader.plan",
    "grader.report.example_view", "grader.report.languages", "grader.report.text", "grader.report.wording",
    "grader.report.wording_de",
    "grader.sandbox.answering", "grader.sandbox.job", "grader.sandbox.replies",
    "grader.student", "grader.student.clock", "grader.student.command", "grader.student.kernel", "grader.student.needs",
    "grader.student.outcome", "grader.student.public", "grader.student.quiet", "grader.student.run_here",
    "grader.student.set_up", "grader.student.telling", "grader.student.tries", "grader.student.watch", "grader.student.words",
    "grader.task", "grader.tensors", "grader.translate",
)
"""Modules of ours that travel; a package that is not named travels empty. Only what is written here does."""

FILES = ("README.md", "Makefile")
"""Files of the hand-out's folder that travel beside the notebook, where they exist."""

FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""The earliest date that a zip can hold: no clock of ours is in the bytes."""


@dataclass(frozen=True)
class Bundle:
    """The finished zip, the names in it, and what was left out that students could have had."""

    content: bytes
    names: tuple[str, ...]
    remarks: tuple[str, ...]


def build_bundle(assignment: Assignment) -> Bundle:
    """Everything that students get; raises AssignmentError."""
    folder, handout = assignment.template.parent, assignment.template.read_bytes()
    plan = make_public_plan(assignment)
    files = {assignment.template.name: handout, "selfcheck.py": build_selfcheck(assignment, plan).encode()}
    files |= {name: (folder / name).read_bytes() for name in FILES if (folder / name).is_file()}
    remarks = [f"{folder / name} does not exist, so students get none" for name in FILES if name not in files]
    return Bundle(_zip(assignment.name, files), tuple(sorted(files)), (*remarks, *_untold(assignment, plan)))


def make_public_plan(assignment: Assignment) -> Plan:
    """What students may see of a plan."""
    return make_plan(assignment, SEED, public_only=True)


def build_selfcheck(assignment: Assignment, plan: Plan) -> str:
    """The self-check as one file of Python, which holds its modules, the public plan and what known slips return."""
    told, lattice = _pack(assignment, plan)
    values = {
        "NOTEBOOK": repr(assignment.template.name),
        "REQUIREMENTS": repr(_requirements()),
        "MODULES": _literal({**{name: _source(name) for name in MODULES}, "handout_relations": _relations(assignment)}),
        "PLAN": _quote(told),
        "LATTICE": _quote("\n".join(textwrap.wrap(lattice, 128))),
    }
    start = _source("grader.student.start").replace("your_functions", ", ".join(assignment.exercises))
    empty = re.compile(rf"^({'|'.join(values)})((?:: [^=]*)?) = .*$", re.M)
    return empty.sub(lambda found: f"{found[1]}{found[2]} = {values[found[1]]}", start)


def open_public(assignment: Assignment) -> PublicCourse:
    """The course that students get, without going through a file."""
    relations = assignment.relations.relations if assignment.relations else None
    return unpack(*_pack(assignment, make_public_plan(assignment)), relations)


def _pack(assignment: Assignment, plan: Plan) -> tuple[str, str]:
    """The public plan, with how many calls a grader makes of each function, and what known slips return, as text."""
    whole = {name: len(exercise.order) for name, exercise in make_plan(assignment, SEED).exercises.items()}
    lattice = find_lattice(plan, assignment, os.environ)
    return pack_plan(plan, assignment, assignment.template.read_bytes(), whole), pack_lattice(lattice)


def _untold(assignment: Assignment, plan: Plan) -> list[str]:
    """Public relations that stand in the teacher's cases.py, which never travels, and exercises that nothing public tries."""
    file = str(assignment.cases.__file__)
    told = [
        one.property.id for exercise in plan.exercises.values() for one in exercise.properties
        if getattr(one.property.compare, "__module__", "") == assignment.cases.__name__
    ]
    unseen = [name for name, one in plan.exercises.items() if one.aside.issuperset(range(len(one.calls)))]
    mend = "put it into the hand-out's relations.py"
    return [
        *(f"the property {name!r} stands in {file}, which never travels: {mend}" for name in told),
        *(f"{name} has no public case or relation: the self-check cannot try it" for name in unseen),
    ]


def _requirements() -> tuple[str, ...]:
    """What pip is to install for students: our own lower bounds, of what reading notebooks and honest solutions need."""
    names = {name.lower() for name in (*NEEDED, *ALSO)}
    return tuple(one for one in importlib.metadata.requires("grader") or () if re.split(r"[^\w-]", one)[0].lower() in names)


def _relations(assignment: Assignment) -> str:
    if assignment.relations is None:
        return "def relations(rng, published):\n    return []\n"
    return Path(str(assignment.relations.__file__)).read_text(encoding="utf-8")


def _source(name: str) -> str:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise AssignmentError(Path(name), "", "is missing from this installation", "install the grader again")
    return Path(spec.origin).read_text(encoding="utf-8")


def _literal(modules: dict[str, str]) -> str:
    return "{\n" + "".join(f"\n# {'-' * 126}\n{name!r}: {_quote(source)},\n" for name, source in modules.items()) + "}"


def _quote(text: str) -> str:
    """A text as a literal that people can read, where there is one."""
    literal = f"r'''{text}'''"
    try:
        return literal if ast.literal_eval(literal) == text else repr(text)
    except SyntaxError:
        return repr(text)


def _zip(folder: str, files: dict[str, bytes]) -> bytes:
    """Stored, not packed: the same bytes from every zlib (what known slips return is packed by lzma)."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{folder}/{name}", FIRST_DAY)
            entry.external_attr, entry.create_system = 0o644 << 16, 3
            archive.writestr(entry, files[name])
    return buffer.getvalue()
