"""Programs to compare: made up at random, made up from a few ways of doing each step, and the same ones in disguise."""

from __future__ import annotations

import ast
import random
from collections.abc import Mapping

from tests.support import notebook

FUNCTIONS = ("exp", "log", "sqrt", "abs", "tanh", "sin", "cos", "cumsum", "sort", "sign")
WORDS = ("alpha", "beta", "gamma", "delta", "rows", "cols", "left", "right", "part", "whole", "score", "mass", "base", "step")
PARAMETERS = {"self_attention": ["X", "Wq", "Wk", "Wv"], "multi_head_attention": ["X", "Wq", "Wk", "Wv", "H"]}


def write_program(seed: int, statements: int = 40, helpers: int = 2) -> str:
    """Both functions and some helpers, about so many statements in all, that no other seed resembles."""
    rng = random.Random(seed)
    each = max(1, statements // (helpers + 2))
    parts = [_function(rng, f"helper_{at}", rng.sample(WORDS, 2), each) for at in range(helpers)]
    for name, parameters in PARAMETERS.items():
        calls = [f"    h{at} = helper_{at}({parameters[0]}, {parameters[1]})\n" for at in range(helpers)]
        head, _, body = _function(rng, name, parameters, each).partition("\n")
        parts.append(f"{head}\n{''.join(calls)}{body}")
    return "\n\n".join(parts)


def _function(rng: random.Random, name: str, parameters: list[str], statements: int) -> str:
    known, lines = list(parameters), []
    for at in range(statements):
        target = f"v{at}"
        match rng.randrange(4):
            case 0:
                lines.append(f"    {target} = {_term(rng, known)} {rng.choice('+-*/@')} {_term(rng, known)}")
            case 1:
                lines.append(f"    {target} = np.{rng.choice(FUNCTIONS)}({_term(rng, known)} {rng.choice('+-*')} {rng.randrange(9)})")
            case 2:
                lines += [f"    {target} = np.zeros({rng.choice(known)}.shape)",
                          f"    for i in range({rng.randrange(1, 9)}):", f"        {target}[i] += {_term(rng, known)}"]
            case _:
                lines.append(f"    {target} = {_term(rng, known)}.sum(axis={rng.randrange(2)}) {rng.choice('+-*/')} {_term(rng, known)}")
        known.append(target)
    return "\n".join([f"def {name}({', '.join(parameters)}):", *lines, f"    return {known[-1]}, {rng.choice(known)}"])


def _term(rng: random.Random, known: list[str]) -> str:
    name = rng.choice(known)
    return rng.choice((name, f"{name}.T", f"np.{rng.choice(FUNCTIONS)}({name})", f"{name}[:, {rng.randrange(4)}]",
                       f"({name} - {rng.choice(known)})", f"{rng.randrange(2, 20)} * {name}"))


WAYS = (
    ("Q = X @ Wq\nK = X @ Wk\nV = X @ Wv", "Q, K, V = X @ Wq, X @ Wk, X @ Wv", "Q = np.dot(X, Wq)\nK = np.dot(X, Wk)\nV = np.dot(X, Wv)",
     "Q = np.matmul(X, Wq)\nK = np.matmul(X, Wk)\nV = np.matmul(X, Wv)"),
    ("d = K.shape[1]", "d = Q.shape[-1]", "n, d = K.shape", "d = Wk.shape[1]"),
    ("S = Q @ K.T / np.sqrt(d)", "S = (Q @ K.T) / d ** 0.5", "S = np.dot(Q, K.T) / np.sqrt(d)", "S = Q @ K.T\nS = S / np.sqrt(d)"),
    ("E = np.exp(S - S.max(axis=1, keepdims=True))", "E = np.exp(S - np.max(S, axis=-1, keepdims=True))", "E = np.exp(S)",
     "S = S - S.max(axis=1)[:, None]\nE = np.exp(S)"),
    ("A = E / E.sum(axis=1, keepdims=True)", "A = E / np.sum(E, axis=-1, keepdims=True)", "A = (E.T / E.sum(axis=1)).T"),
    ("O = A @ V", "O = np.dot(A, V)", "O = np.matmul(A, V)"),
)

def write_solution(seed: int, tasks: int = 1) -> str:
    """So many functions of six steps, each step in one of three or four usual ways: what honest people write.

    The tasks differ in the functions and attributes that they call, so that one says nothing of another.
    """
    rng = random.Random(seed)
    parts, calls = [], []
    for task in range(tasks):
        body = "\n".join([*map(rng.choice, WAYS), "return O, A"])
        body = body.replace("np.", f"np.t{task}_").replace("axis", f"axis{task}").replace(".T", f".T{task}").replace("shape", f"shape{task}")
        parts.append(f"def task{task}(X, Wq, Wk, Wv):\n" + "\n".join(f"    {line}" for line in body.split("\n")))
        calls.append(f"    X = task{task}(X, Wq, Wk, Wv)")
    return "\n\n".join([*parts, "\n".join(["def self_attention(X, Wq, Wk, Wv):", *calls, "    return X"])])


class _Rename(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.names.get(node.id, node.id), node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(self.names.get(node.arg, node.arg), ast.Constant("what it is"))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        node.name = self.names.get(node.name, node.name)
        node.body = [ast.Expr(ast.Constant(f"Does {node.name}.")), *node.body]
        return node


def own_names(source: str) -> list[str]:
    """What a program binds, but for what the assignment prescribes."""
    nodes = list(ast.walk(ast.parse(source)))
    names = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    names |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    names |= {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    return sorted(names - set(PARAMETERS))


def disguise(source: str, seed: int) -> str:
    """Other names, annotations, docstrings, comments and layout, functions in another order: the same program."""
    rng = random.Random(seed)
    names = own_names(source)
    fresh = [f"n{number}" for number in rng.sample(range(10_000), len(names))]
    tree = _Rename(dict(zip(names, fresh, strict=True))).visit(ast.parse(source))
    rng.shuffle(tree.body)
    lines = ast.unparse(ast.fix_missing_locations(tree)).split("\n")
    return "\n".join(f"{line}  # {rng.random()}" if line.strip() and not line.strip().startswith(("'", '"')) else line for line in lines)


def hand_in(program: str) -> bytes:
    """A notebook with this program, each function in a cell of its own."""
    return notebook("import numpy as np", *(part for part in program.split("\n\n") if part.strip()))
