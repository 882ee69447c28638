"""One top-level statement -> the names it binds, changes and reads, and when it reads them.

Reads are parted in two: `now`, while the statement itself runs, and `later`, when a function that it defines is called.
Annotations count as neither: the box leaves them out.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from grader.extract.depth import room_to_walk

DYNAMIC = frozenset({"globals", "eval", "exec", "vars", "locals"})
"""Builtins that find names in strings."""


@dataclass
class Names:
    """What one statement does with the notebook's top-level names.

    `replaces`: it binds its names whatever happened before (a plain def, import or assignment), so earlier bindings of
    them are dead. `changes`: objects it writes into (`p["eps"] = 1`, `items.append(3)`). `effects`: those that a function it
    defines writes into when called. `results`: names that it binds to what they return (`f = f(x)`), which hides no definition.
    `measured`: names that it reads for their shape alone. `star`: it imports *.
    """

    binds: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    now: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    effects: set[str] = field(default_factory=set)
    results: set[str] = field(default_factory=set)
    measured: set[str] = field(default_factory=set)
    replaces: bool = False
    star: bool = False


PLAIN = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)


def names_of(statement: ast.stmt) -> Names:
    """Analyse one top-level statement."""
    names = Names()
    if isinstance(statement, ast.Delete):  # a name that was cleaned up afterwards was still defined
        return names
    scope = _Scope()
    with room_to_walk():
        scope.visit(statement)
    names.binds = scope.stores | scope.declared
    names.now, names.later = scope.loads, scope.later
    names.changes = scope.changes | _called_upon(statement)
    names.effects = scope.effects
    names.results = _rebound_to_results(statement)
    names.measured = _measured(statement)
    names.star = scope.star
    names.replaces = isinstance(statement, PLAIN) and not names.star and not names.binds & names.now
    if (names.now | names.later) & DYNAMIC:
        names.later |= _identifiers_in_strings(statement)
    return names


def bound_name(alias: ast.alias) -> str:
    """The name that one part of an import statement binds."""
    return alias.asname or alias.name.partition(".")[0]


class _Scope(ast.NodeVisitor):
    """Collects loads and stores of one scope; functions inside it leave only their free names, in `later`."""

    def __init__(self) -> None:
        self.stores: set[str] = set()
        self.loads: set[str] = set()
        self.later: set[str] = set()
        self.changes: set[str] = set()
        self.effects: set[str] = set()
        self.called: set[str] = set()
        self.declared: set[str] = set()
        self.star = False

    def visit_Name(self, node: ast.Name) -> None:
        (self.loads if isinstance(node.ctx, ast.Load) else self.stores).add(node.id)

    def visit_Global(self, node: ast.Global) -> None:
        self.declared.update(node.names)

    def visit_Expr(self, node: ast.Expr) -> None:
        self.called |= _called_upon(node)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.loads.add(node.target.id)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._changed(node)
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self._changed(node)
        match node:
            case ast.Subscript(value=ast.Call(func=ast.Name(id="globals")), slice=ast.Constant(value=str(name)), ctx=ast.Store()):
                self.stores.add(name)
        self.generic_visit(node)

    def _changed(self, node: ast.Attribute | ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load):  # asked first: `a.b.c...` would be walked anew from each of its points
            self.changes.update({_root(node)} - {""})

    def visit_Import(self, node: ast.Import) -> None:
        self.stores.update(bound_name(alias) for alias in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.star |= any(alias.name == "*" for alias in node.names)
        self.stores.update(bound_name(alias) for alias in node.names if alias.name != "*")

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self.stores.update([node.name] if node.name else [])
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self.stores.update([node.name] if node.name else [])
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        self.stores.update([node.name] if node.name else [])

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self.stores.update([node.rest] if node.rest else [])
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.stores.add(node.name)
        self._visit_all(node.decorator_list)
        self._visit_function(node.args, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._visit_function(node.args, [node.body])

    def _visit_function(self, arguments: ast.arguments, body: Sequence[ast.AST]) -> None:
        self._visit_all([*arguments.defaults, *(default for default in arguments.kw_defaults if default)])
        inner = _Scope()
        inner.stores.update(
            argument.arg
            for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
            if argument
        )
        inner._visit_all(body)
        local = inner.stores - inner.declared
        self.later |= ((inner.loads | inner.later | inner.changes) - local) | inner.declared
        self.effects |= ((inner.changes | inner.called) - local) | inner.declared
        self.called |= inner.called
        self.star |= inner.star

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.stores.add(node.name)
        self._visit_all([*node.decorator_list, *node.bases, *node.keywords])
        inner = _Scope()
        inner._visit_all(node.body)
        self.loads |= inner.loads - inner.stores
        self.later |= inner.later
        self.changes |= inner.changes - inner.stores
        self.called |= inner.called

    def _visit_comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        inner = _Scope()
        inner.generic_visit(node)
        targets = _Scope()
        for generator in node.generators:
            targets.visit(generator.target)
        self.stores |= inner.stores - targets.stores  # a walrus binds outside
        self.loads |= inner.loads - targets.stores
        self.later |= inner.later - targets.stores
        self.changes |= inner.changes - targets.stores

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _visit_comprehension

    def _visit_all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)


def _rebound_to_results(statement: ast.stmt) -> set[str]:
    """`f` of `f, w = f(x)`: the call's result under the function's own name."""
    match statement:
        case ast.Assign(targets=targets, value=ast.Call(func=ast.Name(id=name), args=[_, *_])):
            bound = {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}
            return bound & {name}
    return set()


def _measured(statement: ast.stmt) -> set[str]:
    """Names of which only `.shape`, `.size`, `.ndim` or `len(...)` is read."""
    measures = [
        node.value if isinstance(node, ast.Attribute) else node.args[0] for node in ast.walk(statement)
        if (isinstance(node, ast.Attribute) and node.attr in ("shape", "size", "ndim"))
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len" and node.args)
    ]
    read = Counter(node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
    measured = Counter(_root(node) if not isinstance(node, ast.Name) else node.id for node in measures)
    return {name for name, count in measured.items() if count == read[name]}


def _root(node: ast.expr) -> str:
    """`p` of `p.a[0].b`."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _called_upon(statement: ast.stmt) -> set[str]:
    """`items` of a bare `items.append(3)`: a call for its effect on an object."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute() as method)):
            return {_root(method)} - {""}
    return set()


def _identifiers_in_strings(statement: ast.stmt) -> set[str]:
    strings = (node.value for node in ast.walk(statement) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return {name for text in strings for name in re.findall(r"[^\W\d]\w*", text)}
