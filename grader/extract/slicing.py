"""Python cells -> the slice that one function needs: the last definition of each name, through helpers, and nothing else.

A slice is found backwards. A name that is needed when a function is called needs its last binding in the notebook; a name
that is needed while a statement runs needs the last binding before that statement. Conditional bindings, and statements
that write into the object, come along with the plain binding they follow.
"""

from __future__ import annotations

import ast
import builtins
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from grader.extract.convert import PythonCell
from grader.extract.names import Names, bound_name, names_of
from grader.messages import say
from grader.model import Listing, ModuleUse, Program, ProgramCell

END = 1 << 30
"""A position after every statement: when the function is called."""

MOST_STEPS = 1_000_000
"""From a name to its bindings, and from these to the names they read: about 1 s, a thousand times what a long notebook takes."""

BUILTINS = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__", "get_ipython", "display"}


class TangledError(Exception):
    """A notebook's statements hang together in too many ways to be followed."""

    def __init__(self) -> None:
        super().__init__(say("The notebook's statements depend on each other in too many ways to be followed; cut them down."))


@dataclass(frozen=True)
class Statement:
    """One top-level statement: where it stands, and what it does with names."""

    cell: PythonCell
    index: int
    node: ast.stmt
    names: Names

    @property
    def first_line(self) -> int:
        """Its first line in the student's cell, decorators included."""
        decorators = getattr(self.node, "decorator_list", [])
        return self.cell.line_of(min([self.node.lineno, *(decorator.lineno for decorator in decorators)]))

    @property
    def last_line(self) -> int:
        """Its last line in the student's cell."""
        return self.cell.line_of(self.node.end_lineno or self.node.lineno)


class Bindings:
    """Every top-level statement of a notebook in order, and who binds or changes which name."""

    def __init__(self, cells: Iterable[PythonCell]) -> None:
        self.statements = [
            Statement(cell, index, node, names_of(node))
            for cell in cells if cell.tree is not None
            for index, node in enumerate(cell.tree.body)
        ]
        self.by_name: dict[str, list[int]] = {}
        effects = {
            node.name: statement.names.effects for statement in self.statements
            if isinstance(node := statement.node, ast.FunctionDef) and statement.names.effects
        }
        self.stars = [position for position, statement in enumerate(self.statements) if statement.names.star]
        for position, statement in enumerate(self.statements):
            for decorator in _decorators(statement.node):  # `@register` writes into the registry
                statement.names.changes |= effects.get(decorator, set())
            for name in (statement.names.binds | statement.names.changes) - statement.names.results:
                self.by_name.setdefault(name, []).append(position)

    def defining(self, name: str) -> list[int]:
        """The positions that bind `name`, in order."""
        return [at for at in self.by_name.get(name, []) if name in self.statements[at].names.binds]

    def needed_for(self, name: str, limit: int, skip: frozenset[int]) -> list[int]:
        """The statements that make `name` what it is just before `limit`, last first."""
        found: list[int] = []
        imported = False
        written = self.by_name.get(name, [])
        for place in range(bisect_left(written, limit) - 1, -1, -1):
            position = written[place]
            if position in skip:
                continue
            names, node = self.statements[position].names, self.statements[position].node
            if name in names.binds:
                found.append(position)
                imported = isinstance(node, ast.Import | ast.ImportFrom)
                if names.replaces:
                    break
            elif name in names.changes:
                found.append(position)
        if imported:  # `np.seterr(...)` changes no object of the student's: only assignments into a module come along
            found = [at for at in found if not isinstance(self.statements[at].node, ast.Expr)]
        return found


def _decorators(node: ast.stmt) -> Iterator[str]:
    for decorator in getattr(node, "decorator_list", []):
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(called, ast.Name):
            yield called.id


@dataclass(frozen=True)
class Needed:
    """The positions of a slice's statements, every top-level name it reads, and those read `inside` its functions, or for more
    than their shape."""

    positions: tuple[int, ...]
    names: frozenset[str]
    inside: frozenset[str]
    unresolved: frozenset[str]


def find_needed(bindings: Bindings, name: str, skip: frozenset[int] = frozenset()) -> Needed:
    """The transitive closure of what `name` needs when it is called; statements in `skip` do not exist. Raises TangledError."""
    chosen: set[int] = set()
    reads: set[str] = set()
    unresolved: set[str] = set()
    seen: set[tuple[str, int]] = set()
    waiting = [(name, END)]
    steps = 0
    while waiting:
        wanted, limit = waiting.pop()
        if (wanted, limit) in seen:
            continue
        seen.add((wanted, limit))
        reads.add(wanted)
        positions = bindings.needed_for(wanted, limit, skip)
        if not any(wanted in bindings.statements[at].names.binds for at in positions):
            positions += [at for at in bindings.stars if at < limit]
            if wanted not in BUILTINS:
                unresolved.add(wanted)
        steps += 1 + sum(1 + len(bindings.statements[at].names.later) for at in positions)
        if steps > MOST_STEPS:
            raise TangledError
        for position in positions:
            names = bindings.statements[position].names
            if position not in chosen:  # a thousand `x += 1` need each other a million times
                chosen.add(position)
                waiting += [(read, position) for read in names.now | (names.changes - names.binds)]
            waiting += [(read, limit) for read in names.later if (read, limit) not in seen]
    inside = {read for at in chosen for read in bindings.statements[at].names.later}
    for names in (bindings.statements[at].names for at in chosen):
        inside |= names.now - names.measured - names.binds  # `X = np.array(X)` is still the same data
    return Needed(tuple(sorted(chosen)), frozenset(reads - {name}), frozenset(inside), frozenset(unresolved))


def make_program(bindings: Bindings, needed: Needed, function: str) -> Program:
    """The slice as data for the box: whole cells as text, and which of their statements to run."""
    cells: dict[int, tuple[PythonCell, list[int]]] = {}
    for position in needed.positions:
        statement = bindings.statements[position]
        cells.setdefault(statement.cell.number, (statement.cell, []))[1].append(statement.index)
    return Program(
        function, tuple(ProgramCell(number, cell.source, tuple(chosen), cell.lines) for number, (cell, chosen) in cells.items()),
    )


def find_imports(statements: Iterable[Statement], wanted: frozenset[str] | None = None) -> tuple[ModuleUse, ...]:
    """Top-level modules imported by these statements; of an import at top level, only what binds a `wanted` name (None: all)."""
    found = []
    for statement in statements:
        for node in ast.walk(statement.node):
            for module, name in _imported(node):
                if node is statement.node and wanted is not None and name not in wanted and name != "*":
                    continue
                line = statement.cell.line_of(getattr(node, "lineno", 1))
                found.append(ModuleUse(module.partition(".")[0], statement.cell.number, line))
    return tuple(dict.fromkeys(found))


def _imported(node: ast.AST) -> list[tuple[str, str]]:
    """(module, bound name) of an import statement, or of a call that imports by a name written out."""
    match node:
        case ast.Import(names=aliases):
            return [(alias.name, bound_name(alias)) for alias in aliases]
        case ast.ImportFrom(module=str(module), names=aliases, level=0):
            return [(module, bound_name(alias)) for alias in aliases]
        case ast.Call(func=ast.Name(id="__import__") | ast.Attribute(attr="import_module") | ast.Name(id="import_module"),
                      args=[ast.Constant(value=str(module)), *_]):
            return [(module, "")]
    return []


def list_code(statements: Sequence[Statement]) -> tuple[Listing, ...]:
    """What to show of a slice: its statements but for imports, neighbours in a cell put together, as the student wrote them."""
    runs: list[list[Statement]] = []
    for statement in statements:
        if isinstance(statement.node, ast.Import | ast.ImportFrom):
            continue
        last = runs[-1][-1] if runs else None
        if last and last.cell is statement.cell and last.index + 1 == statement.index:
            runs[-1].append(statement)
        else:
            runs.append([statement])
    return tuple(_list_run(run) for run in runs)


def _list_run(run: Sequence[Statement]) -> Listing:
    first, last = run[0].first_line, run[-1].last_line
    lines = run[0].cell.original.split("\n")
    return Listing(run[0].cell.number, first, "\n".join(lines[first - 1:last]))
