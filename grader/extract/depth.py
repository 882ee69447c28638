"""How deep a cell's tree may be, and the room to walk and print one: Python's own limit is a matter of frames, not of depth."""

from __future__ import annotations

import ast
import contextlib
import sys
from collections.abc import Iterator

from grader.messages import say

DEEPEST = 900
"""Levels. Deeper trees, which nobody writes by hand, Python itself gives up on at about 3000."""

FRAMES = 5
"""Python's frames for each level of the deepest walk, which is the one in names.py."""

LONGEST_INT = 14_000
"""Bits of an integer written in a cell: beyond about 4300 digits Python refuses to print it, and `ast.dump` with it."""


def check_depth(tree: ast.Module) -> ast.Module:
    """The tree, if all later stages can walk and print it; else raises what `ast.parse` raises for one a little worse."""
    level: list[ast.AST] = [tree]
    for _ in range(DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if any(isinstance(node, ast.Constant) and _is_too_long(node.value) for node in level):
            raise ValueError(say("a number in it has too many digits"))
    if level:
        raise RecursionError
    return tree


def _is_too_long(value: object) -> bool:
    return isinstance(value, int) and value.bit_length() > LONGEST_INT


@contextlib.contextmanager
def room_to_walk() -> Iterator[None]:
    """Let functions of Python recurse through a tree that `check_depth` let pass; their frames are not on the C stack.

    Nothing written in C may recurse in here (`ast.parse`, `json`): what it puts on the stack would have no limit that holds.
    """
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(before + DEEPEST * FRAMES)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def dump(node: ast.AST) -> str:
    """`ast.dump` of a part of such a tree."""
    with room_to_walk():
        return ast.dump(node)
