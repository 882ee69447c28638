"""Statements of a program -> tokens that neither names, comments, annotations nor layout change. Executes nothing.

The tree is read from the top, so parentheses and line breaks leave no trace. A token that stands for a name of the program's own
is marked `own`; which one it is counts only within a k-gram (`winnow.py`). Kept as they are: what is imported, by its full name
(`n.exp` is `numpy.exp`), builtins, attributes, keywords of others' functions, constants, operators, and the names that the
assignment prescribes. Not evened out: two ways of saying the same, such as `np.dot(a, b)` and `a @ b`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

LONGEST = 200
"""Characters of a constant that count; enough to tell two texts apart."""


class Token(NamedTuple):
    """One sign; `line` is the line of the source it came from."""

    text: str
    line: int
    own: bool = False


@dataclass(frozen=True)
class Vocabulary:
    """What names mean in one program: those that are its `own`, those that stand for something imported, and its attributes."""

    own: frozenset[str] = frozenset()
    imported: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    attributes: frozenset[str] = frozenset()


def vocabulary_of(trees: Iterable[ast.AST], prescribed: frozenset[str]) -> Vocabulary:
    """Every name that these trees bind, but for the `prescribed`, is their own; so is every attribute that they write."""
    own: set[str] = set()
    attributes: set[str] = set()
    imported: dict[str, tuple[str, ...]] = {}
    for node in (node for tree in trees for node in ast.walk(tree)):
        match node:
            case ast.Import(names=aliases):
                imported |= {alias.asname or alias.name.partition(".")[0]: _path_of(alias) for alias in aliases}
            case ast.ImportFrom(module=module, names=aliases):
                source = tuple((module or "").split("."))
                imported |= {alias.asname or alias.name: (*source, alias.name) for alias in aliases}
            case ast.Attribute(attr=name, ctx=ast.Store()):
                attributes.add(name)
            case ast.ClassDef(name=name, body=body):
                own.add(name)
                attributes |= {one.name for one in body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
            case _:
                own.update(_bound(node))
    return Vocabulary(frozenset(own - prescribed - imported.keys()), imported, frozenset(attributes))


def _path_of(alias: ast.alias) -> tuple[str, ...]:
    return tuple(alias.name.split(".")) if alias.asname else (alias.name.partition(".")[0],)


def _bound(node: ast.AST) -> tuple[str, ...]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
            return (name,)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return (name,)
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return (name,)
        case ast.MatchMapping(rest=str(name)):
            return (name,)
    return ()


def tokens_of(statement: ast.stmt, words: Vocabulary) -> list[Token]:
    """One statement's tokens in order; none for an import, a docstring or a statement that does nothing."""
    found: list[Token] = []
    line = statement.lineno
    waiting: list[ast.AST | Token] = [statement]
    while waiting:  # no recursion: a tree may be deeper than Python's frames
        item = waiting.pop()
        if isinstance(item, Token):
            found.append(item)
        else:
            line = getattr(item, "lineno", line)
            waiting += reversed(list(_unfold(item, line, words)))
    return found


def _unfold(node: ast.AST, line: int, words: Vocabulary) -> Iterator[ast.AST | Token]:
    """A node as its own tokens and the nodes below it, in order."""
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Expr(value=ast.Constant()) | ast.AnnAssign(value=None):
            pass
        case ast.Name(id=name):
            yield from _name(name, line, words)
        case ast.arg(arg=name):
            yield from _name(name, line, words)
        case ast.Attribute(value=value, attr=name):
            own = name in words.attributes
            yield from (Token(".", line), Token(name, line, own=True)) if own else (Token(f".{name}", line),)
            yield value
        case ast.keyword(arg=name, value=value):
            own = name in words.own
            yield from (Token("=", line), Token(name or "", line, own=True)) if own else (Token(f"{name or '**'}=", line),)
            yield value
        case ast.Constant(value=value):
            yield Token(repr(value)[:LONGEST], line)
        case ast.Call(func=function, args=arguments, keywords=keywords):
            yield Token(f"call {len(arguments)}", line)
            yield from (function, *arguments, *keywords)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield from (Token("Assign", line), target, value)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield Token(type(node).__name__, line)
            yield from _name(node.name, line, words)
            yield from (*node.decorator_list, node.args, *node.body)
        case _:
            yield from _others(node, line, words)


def _name(name: str, line: int, words: Vocabulary) -> Iterator[Token]:
    """A name of the program's own, or what it stands for elsewhere, written as the attribute that it is."""
    if name in words.own:
        yield Token(name, line, own=True)
    else:
        *path, last = reversed(words.imported.get(name, (name,)))
        yield from (Token(f".{part}", line) for part in path)
        yield Token(last, line)


def _others(node: ast.AST, line: int, words: Vocabulary) -> Iterator[ast.AST | Token]:
    """Any other node: its kind, with the length of each list that is a row of equals, and its fields but for annotations."""
    if not isinstance(node, ast.expr_context | ast.arguments):
        sizes = [str(len(node.elts))] if isinstance(node, ast.Tuple | ast.List | ast.Set) else []
        yield Token(" ".join((type(node).__name__, *sizes)), line)
    for name, value in ast.iter_fields(node):
        if name in ("ctx", "type_comment", "annotation", "returns"):
            continue
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST):
                yield part
            elif isinstance(part, str):
                yield from _name(part, line, words)

