"""Notebook -> Extraction, without running anything: read, convert, slice, find the answers."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from grader.extract.answers import Answers, find_answers
from grader.extract.convert import PythonCell, convert_cells
from grader.extract.depth import dump
from grader.extract.notebook import Cell, UnreadableError, is_python, read_notebook
from grader.extract.pictures import names_in
from grader.extract.slicing import Bindings, Needed, Statement, TangledError, find_imports, find_needed, list_code, make_program
from grader.messages import Message, join, say, text_of
from grader.model import Attention, Extraction, Listing, Notice, Slice
from grader.task import Task

__all__ = ["Template", "UnreadableError", "extract", "read_handout"]

NEAR_ENOUGH = 0.8
"""Likeness (difflib's ratio) from which a name is offered as the one that was meant."""


@dataclass(frozen=True)
class Template:
    """The hand-out: its cells, and each exercise's stub in a form that comments and spacing do not change; `lacks` has none."""

    cells: tuple[Cell, ...]
    stubs: frozenset[str]
    lacks: tuple[str, ...] = ()


def read_handout(content: bytes, task: Task) -> Template:
    """The hand-out that submissions are compared with; raises UnreadableError."""
    notebook = read_notebook(content)
    bindings = Bindings(convert_cells(notebook.cells))
    defining = {name: bindings.defining(name) for name in task.exercises}
    stubs = (_shape(bindings.statements[position].node) for positions in defining.values() for position in positions)
    return Template(notebook.cells, frozenset(stubs), tuple(name for name, positions in defining.items() if not positions))


def extract(content: bytes, assignment: Task, template: Template) -> Extraction:
    """Read one notebook; whatever is wrong with it is told in the Extraction, never raised."""
    try:
        notebook = read_notebook(content)
    except UnreadableError as error:
        return Extraction({}, {}, problem=error.attention)
    cells = convert_cells(notebook.cells)
    bindings = Bindings(cells)
    broken = [cell for cell in cells if cell.tree is None]
    definitions = {name: _definitions_of(name, bindings, template) for name in assignment.exercises}
    ignored = frozenset(at for one in definitions.values() if one.written for at in one.stubs)
    near = {
        name: _near_miss(name, bindings, assignment) for name, one in definitions.items() if not one.written and not one.stubs
    }
    try:
        slices = {
            name: _cut(name, bindings, broken, ignored, assignment.exercises[name].builds_on) if one.written
            else _absent(name, one, broken, near.get(name, ""))
            for name, one in definitions.items()
        }
    except TangledError as error:
        return Extraction({}, {}, problem=Attention("too_much", text_of(error)))
    notices = (
        *notebook.notices, *_broken_notices(broken),
        *(Notice("near_miss", offer) for name, offer in near.items() if offer and slices[name].state == "missing"),
        *(notice for name, one in definitions.items() for notice in _definition_notices(name, one, bindings, broken)),
        *_unused_imports(bindings, slices.values(), assignment),
    )
    problem = _nothing_to_grade(notebook.cells, notebook.language, list(slices.values()))
    answers = find_answers(notebook.cells, template.cells, assignment.questions)
    return Extraction(slices, answers.texts, (*notices, *_pictures_left_out(answers)), problem, answers.pictures)


def _pictures_left_out(answers: Answers) -> Iterator[Notice]:
    """Pictures that an answer names and that are not there, are of another kind, or are too large."""
    for question, text in answers.texts.items():
        for name in names_in(text):
            if name not in answers.pictures[question]:
                message = say("The picture `{name}` of answer ({question}) cannot be shown: it is not in the notebook, is no "
                              "PNG, JPEG, GIF or WebP, or is too large.", name=name, question=question)
                yield Notice("picture_left_out", message)


@dataclass(frozen=True)
class Definitions:
    """Where a notebook binds an exercise's name: positions of what the student wrote, and of untouched stubs."""

    written: tuple[int, ...]
    stubs: tuple[int, ...]


def _definitions_of(name: str, bindings: Bindings, template: Template) -> Definitions:
    positions = bindings.defining(name)
    stubs = tuple(at for at in positions if _is_stub(bindings.statements[at].node, template))
    return Definitions(tuple(at for at in positions if at not in stubs), stubs)


def _nothing_to_grade(cells: Sequence[Cell], language: str, slices: Sequence[Slice]) -> Attention | None:
    if any(piece.state == "defined" for piece in slices):
        return None
    if not any(cell.kind == "code" and cell.source.strip() for cell in cells):
        message = say("The notebook holds no code cell, so there is nothing to grade; a person has to look at it.")
        return Attention("no_code", message)
    if not is_python(language):
        message = say("The notebook is written for {language}, not for Python; a person has to look at it.",
                      language=repr(language[:40]))
        return Attention("wrong_kernel", message)
    return None


def _cut(
    name: str, bindings: Bindings, broken: Sequence[PythonCell], ignored: frozenset[int], before: Sequence[str]
) -> Slice:
    """The slice of an exercise that was written, after those `before`; stubs in `ignored` stand beside a written definition."""
    needed = find_needed(bindings, name, ignored)
    own = find_needed(bindings, name, ignored | frozenset(at for earlier in before for at in bindings.defining(earlier)))
    chosen = [bindings.statements[at] for at in needed.positions]
    return Slice(
        "defined", program=make_program(bindings, needed, name), uses=needed.names, own_uses=own.inside,
        imports=find_imports(chosen, needed.names | {name}), listings=list_code(chosen),
        definitions=tuple(_functions(chosen)), unresolved=tuple(_explain_unresolved(needed, broken)),
    )


def _absent(name: str, one: Definitions, broken: Sequence[PythonCell], near: str) -> Slice:
    """The slice of an exercise that was not written, or stands in a cell that is no Python."""
    spoilt = [cell for cell in broken if _mentions_definition(cell.original, name)]
    if spoilt:
        cell = spoilt[-1]
        message = say("Cell {cell}, which defines `{name}`, is not valid Python: {problem} (line {line}).",
                      cell=cell.number, name=name, problem=cell.problem, line=str(cell.problem_line))
        mark = (cell.problem_line or 1, cell.problem)
        return Slice("broken", message, listings=(Listing(cell.number, 1, cell.original, (mark,)),))
    if one.stubs:
        return Slice("missing", say("`{name}` is still the hand-out's stub.", name=name))
    absent = say("The notebook does not define `{name}`.", name=name)
    return Slice("missing", join([absent, near], " ") if near else absent)


def _near_miss(name: str, bindings: Bindings, assignment: Task) -> str:
    """A sentence that offers the definition which was probably meant."""
    best, offer = NEAR_ENOUGH, ""
    for statement in bindings.statements:
        for owner, defined in _defined_names(statement.node):
            if defined in assignment.exercises and not owner:
                continue
            likeness = difflib.SequenceMatcher(None, _bare(name), _bare(defined)).ratio()
            if likeness >= best:
                best, offer = likeness, _offer(name, owner, defined, statement.cell.number)
    return offer


def _offer(name: str, owner: str, defined: str, cell: int) -> Message:
    if not owner:
        return say("You defined `{defined}` in cell {cell}: rename it to `{name}`.", defined=defined, cell=cell, name=name)
    return say("You defined `{defined}` inside `{owner}` in cell {cell}: bind it to the name `{name}` at the top level.",
               defined=defined, owner=owner, cell=cell, name=name)


def _defined_names(node: ast.stmt) -> Iterator[tuple[str, str]]:
    """(owner, name) of functions and classes that a statement defines; owner is "" at top level."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield "", name
        case ast.ClassDef(name=name, body=body):
            yield "", name
            yield from ((name, method.name) for method in body if isinstance(method, ast.FunctionDef))
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda()):
            yield "", name


def _bare(name: str) -> str:
    return name.replace("_", "").lower()


# Each of these looks at a line once: `^\s*` would read a run of blank lines anew from each of them.
DEFINITION = re.compile(r"^[^\S\n]*(?:async\s+)?def\s+(\w+)|^(\w+)\s*=", re.M)
IMPORT = re.compile(r"^[^\S\n]*(?:from\b(?>.*?\bimport\b)|import\b)(.*)", re.M)


def _mentions_definition(source: str, name: str) -> bool:
    return name in _defined_in(source)


def _defined_in(source: str) -> set[str]:
    """Names that a text which is no Python seems to define."""
    return {function or variable for function, variable in DEFINITION.findall(source)}


def _imported_in(source: str) -> set[str]:
    """Names that a text which is no Python seems to import."""
    return {name for names in IMPORT.findall(source) for name in re.findall(r"\w+", names)}


def _is_stub(node: ast.stmt, template: Template) -> bool:
    """Whether a definition is the hand-out's stub, or as empty as one."""
    if not isinstance(node, ast.FunctionDef) or node.decorator_list:
        return False
    if _shape(node) in template.stubs:
        return True
    match _without_fillers(node.body):
        case [] | [ast.Return(value=None | ast.Constant(value=None))]:
            return True
        case [ast.Raise(exc=ast.Name(id="NotImplementedError") | ast.Call(func=ast.Name(id="NotImplementedError")))]:
            return True
    return False


def _without_fillers(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """A body without docstring, `...` and `pass`."""
    return [
        node for node in body
        if not isinstance(node, ast.Pass) and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]


def _shape(node: ast.stmt) -> str:
    if not isinstance(node, ast.FunctionDef):
        return dump(node)
    names = [argument.arg for argument in node.args.args]
    return f"{node.name}({', '.join(names)}): " + "; ".join(dump(part) for part in _without_fillers(node.body))


def _functions(statements: Sequence[Statement]) -> Iterator[tuple[str, int, int, int]]:
    for statement in statements:
        if isinstance(statement.node, ast.FunctionDef | ast.ClassDef):
            yield statement.node.name, statement.cell.number, statement.first_line, statement.last_line


def _explain_unresolved(needed: Needed, broken: Sequence[PythonCell]) -> Iterator[tuple[str, str]]:
    first: dict[str, PythonCell] = {}  # laid out once: there may be as many names as a cell has letters
    for cell in broken if needed.unresolved else ():
        for name in _defined_in(cell.original) | _imported_in(cell.original):
            first.setdefault(name, cell)
    for name in sorted(needed.unresolved):
        spoilt = first.get(name)
        if spoilt:
            yield name, say("cell {cell}, which defines `{name}`, is not valid Python (line {line}: {problem})",
                            cell=spoilt.number, name=name, line=str(spoilt.problem_line), problem=spoilt.problem)
        else:
            yield name, say("no cell of the notebook defines `{name}`", name=name)


def _broken_notices(broken: Sequence[PythonCell]) -> Iterator[Notice]:
    for cell in broken:
        message = say("This cell is not valid Python ({problem}), so nothing in it was used.", problem=cell.problem)
        yield Notice("broken_cell", message, cell.number, cell.problem_line)


def _definition_notices(
    name: str, one: Definitions, bindings: Bindings, broken: Sequence[PythonCell]
) -> Iterator[Notice]:
    """What is worth saying where a name is bound more than once."""
    if not one.written:
        return
    last = bindings.statements[one.written[-1]]
    cell, line = last.cell.number, last.first_line
    others = {dump(bindings.statements[at].node) for at in one.written[:-1]} - {dump(last.node)}
    if others and all(bindings.statements[at].names.replaces for at in one.written):
        message = say("`{name}` is defined {count} times in different ways; the last was graded.",
                      name=name, count=len(one.written))
        yield Notice("redefined", message, cell, line)
    if any(at > one.written[-1] for at in one.stubs):
        message = say("The hand-out's stub of `{name}` stands after your own; yours was graded.", name=name)
        yield Notice("stub_ignored", message, cell, line)
    for other in broken:
        if _mentions_definition(other.original, name):
            message = say("This cell also defines `{name}`, but is not valid Python; the definition in cell {cell} was graded.",
                          name=name, cell=cell)
            yield Notice("broken_definition", message, other.number, other.problem_line)


def _unused_imports(bindings: Bindings, slices: Iterable[Slice], assignment: Task) -> Iterator[Notice]:
    """Imports that the rule forbids and no graded function needs."""
    told = {use.module for piece in slices for use in piece.imports}
    for use in find_imports(bindings.statements):
        if use.module in assignment.imports.forbidden and use.module not in told:
            told.add(use.module)
            message = say("`{module}` is imported here although {reason}; no graded function uses it.",
                          module=use.module, reason=assignment.imports.reason)
            yield Notice("forbidden_import_unused", message, use.cell, use.line)
