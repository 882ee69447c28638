"""Spoilt frames, reply streams and notebooks from a Random, and what must hold of them however they were spoilt.

In: a Random, and real notebooks as bytes. Out: mutants as bytes, and checks that raise when a promise is broken. Knows nothing of
hypothesis: tests/test_fuzz.py and tests/fuzz.py share it.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import json
import warnings
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from grader.assignment import Assignment
from grader.extract import Template, extract
from grader.model import Array, Items, Opaque, Program, ProgramCell, Raised, Returned, Tree
from grader.sandbox.replies import FRAME_ALLOWANCE, LOAD_ALLOWANCE, MAX_ARGUMENTS, MAX_LOAD, MAX_MESSAGE, MAX_NAME, Replies
from grader.tensors import DTYPES, LENGTHS, FrameError, decode_tree, encode, split
from tests.support import ATTENTION, MULTI_HEAD, ROOT, STUB

CALLS, OUTPUT_MB = 3, 1
PROGRAM = Program("f", (ProgramCell(1, "f = 1\ng = 2", (0, 1), (4, 9)),))
PAYLOAD = OUTPUT_MB << 20

# --- bytes and JSON ---------------------------------------------------------------------------------------------------

PIECES = (b"\0", b"\xff" * 4, b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\r", b"\x0c", b'"', b"\\", b"\\ud800", b"{", b"[" * 50, b"[" * 3000, b"]", b"9" * 40, b"NaN",
          b"-", b"1e999", b"null", b"\xf0\x9f\x98", b"\x80" * 3, b"\x00\x00\x00\x80")
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 1 << 31, 1 << 63, 10 ** 400, 0.5, float("nan"), float("inf"), "", "x", "\ud800", "\0", "x" * 600,
    "\x1b[2J\u202e", [], {}, [[]], [None], {"": None}, {"dtype": "float64", "shape": [2]}, {"opaque": "x"}, {"tuple": []}, {"list": [{}]},
)


def mutate_bytes(data: bytes, random: Random) -> bytes:
    """One to four cuts, doublings, flips, insertions or overwritings."""
    spoilt = bytearray(data)
    for _ in range(random.randint(1, 4)):
        at = random.randint(0, len(spoilt))
        end = min(at + random.choice((1, 1, 4, 40, 4000)), len(spoilt))
        match random.randrange(5):
            case 0:
                del spoilt[at:end]
            case 1:
                spoilt[at:at] = spoilt[at:end]
            case 2:
                spoilt[at:at + 1] = bytes([random.randrange(256)])
            case 3:
                spoilt[at:at] = random.choice(PIECES)
            case _:
                spoilt[at:end] = random.randbytes(end - at)
    return bytes(spoilt)


def mutate_json(value: Any, random: Random) -> Any:
    """A copy in which one place, at any depth, is another value, gone, doubled or under another name."""
    if type(value) is int and random.random() < 0.5:
        return random.choice((-1, -value, value + 1, value << 40, True))
    if not isinstance(value, dict | list) or not value or random.random() < 0.15:
        return random.choice(ODD)
    if isinstance(value, list):
        at = random.randrange(len(value))
        kept, chosen = [*value], random.randrange(8)
        new = [[], [value[at]] * 2, [random.choice(ODD), value[at]]][chosen] if chosen < 3 else [mutate_json(value[at], random)]
        return kept[:at] + new + kept[at + 1:]
    key = random.choice(list(value))
    chosen = random.randrange(8)
    if chosen == 0:
        return {name: each for name, each in value.items() if name != key}
    if chosen == 1:
        other = random.choice([*value, "x", "cells", "dtype", "shape", "number"])
        return {other if name == key else name: each for name, each in value.items()}
    return {**value, key: mutate_json(value[key], random)}


# --- frames -----------------------------------------------------------------------------------------------------------

ERROR = {"exception": "ValueError", "message": "no\x1b[1m good", "cell": 1, "line": 2, "kind": "error"}


def make_tree(random: Random, depth: int = 0) -> tuple[dict[str, object], bytes]:
    """A valid description of a returned value, and its bytes."""
    chosen = random.randrange(4 if depth < 4 else 2)
    if chosen == 0:
        return {"opaque": random.choice(("a dict", "", "x" * 200))}, b""
    if chosen == 1:
        name, shape = random.choice(sorted(DTYPES)), [random.randrange(4) for _ in range(random.randrange(4))]
        return {"dtype": name, "shape": shape}, random.randbytes(int(np.prod(shape)) * DTYPES[name].itemsize)
    parts = [make_tree(random, depth + 1) for _ in range(random.randrange(4))]
    return {random.choice(("tuple", "list")): [part for part, _ in parts]}, b"".join(payload for _, payload in parts)


def make_stream(random: Random) -> list[tuple[dict[str, Any], bytes]]:
    """A reply pipe's frames as an honest process writes them."""
    frames: list[tuple[dict[str, Any], bytes]] = [({"number": 0, "load": [ERROR] * random.randrange(3)}, b"")]
    for number in range(1, CALLS + 1):
        tree, payload = make_tree(random)
        raised = random.random() < 0.3
        frames.append(({"number": number, "raised": ERROR}, b"") if raised
                      else ({"number": number, "returned": tree, "changed": [0] * random.randrange(3)}, payload))
    return frames


def mutate_stream(random: Random) -> bytes:
    """A reply pipe's bytes, spoilt in a header, a payload, the order of frames, the bytes, or (seldom) not at all."""
    frames = make_stream(random)
    at, chosen = random.randrange(len(frames)), random.randrange(10)
    header, payload = frames[at]
    if chosen < 5:
        frames[at] = mutate_json(header, random), payload
    elif chosen == 5:
        frames[at] = header, mutate_bytes(payload, random)
    elif chosen == 6:
        random.shuffle(frames)
    parts = [encode(header, [payload]) for header, payload in frames]
    if chosen == 7:
        parts[at] = mutate_header(header, payload, random)
    data = b"".join(parts)
    return mutate_bytes(data, random) if chosen == 8 else data


def mutate_header(header: dict[str, Any], payload: bytes, random: Random) -> bytes:
    """A frame whose header's text is spoilt, and whose lengths are right all the same."""
    text = mutate_bytes(json.dumps(header).encode(), random)
    return LENGTHS.pack(len(text), len(payload)) + text + payload


def check_frame(data: bytes) -> str:
    """Whatever the bytes are, `split` and `decode_tree` take each frame or raise FrameError; returns what became of the last."""
    said = "incomplete"
    try:
        while (found := split(data, PAYLOAD)) is not None:
            header, payload, size = found
            assert len(payload) < size <= len(data)
            data = data[size:]
            if "returned" in header:
                check_tree(decode_tree(header["returned"], payload), len(payload))
            said = "taken"
    except FrameError:
        return "refused"
    return said


def check_tree(tree: Tree, most: int) -> None:
    """Arrays are ours alone, of allowed dtypes, and hold no more than the frame brought."""
    held, waiting = 0, [tree]
    while waiting:
        part = waiting.pop()
        match part:
            case Items():
                waiting += part.items
            case Opaque():
                assert len(part.description) <= 200
            case _:
                array: Array = part
                assert array.flags.owndata or not array.size
                assert array.dtype.newbyteorder("<") in DTYPES.values()
                held += array.nbytes
    assert held <= most


def check_stream(data: bytes, random: Random) -> str:
    """In whatever pieces the bytes come, `Replies` takes them or raises FrameError, and holds no more than its caps."""
    replies, at, said = Replies(PROGRAM, CALLS, OUTPUT_MB), 0, "taken"
    with contextlib.suppress(FrameError):
        while at < len(data):
            size = random.choice((1, 3, 12, 100, 1000, len(data)))
            said = "refused"
            replies.feed(data[at:at + size])
            at, said = at + size, "taken"
    check_replies(replies)
    return said if said == "refused" or replies.complete else "incomplete"


def check_replies(replies: Replies) -> None:
    assert len(replies.load) <= MAX_LOAD
    assert len(replies.all_replies()) == CALLS
    assert len(replies._buffer) <= PAYLOAD + LOAD_ALLOWANCE + CALLS * FRAME_ALLOWANCE
    for reply in [*replies.load, *replies.replies]:
        if isinstance(reply, Raised):
            assert len(reply.exception) <= MAX_NAME
            assert len(reply.message) <= MAX_MESSAGE
            assert (reply.exception + reply.message).isprintable()
            assert (reply.cell, reply.line) in ((None, None), (1, None), (1, 4), (1, 9))
        elif isinstance(reply, Returned):
            check_tree(reply.value, PAYLOAD)
            assert len(reply.changed) <= MAX_ARGUMENTS


# --- notebooks --------------------------------------------------------------------------------------------------------


def _inside(body: str) -> str:
    return f"def self_attention(X, Wq, Wk, Wv):\n    return {body}"


NESTED: dict[str, Callable[[int], str]] = {
    "parentheses": lambda n: "(" * n + "X" + ")" * n,
    "lists": lambda n: "[" * n + "X" + "]" * n,
    "subscripts": lambda n: "X[" * n + "0" + "]" * n,
    "unary minuses": lambda n: "-" * n + "X",
    "nots": lambda n: "not " * n + "X",
    "attributes": lambda n: "X" + ".T" * n,
    "calls": lambda n: "X" + "()" * n,
    "sums": lambda n: "X + " * n + "X",
    "powers": lambda n: "X ** " * n + "X",
    "lambdas": lambda n: "lambda: " * n + "X",
    "conditions": lambda n: "X if X else " * n + "X",
    "comprehensions": lambda n: "[x for x in " * n + "X" + "]" * n,
}
HOSTILE = {
    **{f"{count} {name}": _inside(nest(count)) for count in (80, 190, 500, 3000) for name, nest in NESTED.items()},
    **{f"{count} elifs": "if 0:\n    pass\n" + "elif 1:\n    self_attention = 1\n" * count for count in (80, 500)},
    **{f"f-string of {count} attributes printed": "print(f'{x" + ".y" * count + "} is a long answer to it')" for count in (150, 300, 900)},
    **{f"f-string of {count} unary minuses printed": "print(f'{" + "-" * count + "x} is a long answer to it')" for count in (150, 300, 800)},
    "f-strings in f-strings": "print(f\"{f'{f'''{x}'''}'}\")",
    "f-string unclosed": "print(f'{x')",
    "decorators": "@f\n" * 300 + ATTENTION,
    "defs in defs": "\n".join(" " * at + "def self_attention():" for at in range(90)) + "\n" + " " * 90 + "pass",
    "redefined deeply": _inside("-" * 400 + "X") + "\n" + _inside("-" * 401 + "X"),
    "null byte": _inside("X") + "\0",
    "null byte alone": "\0",
    "lone surrogate": "x = '\ud800'\n" + ATTENTION,
    "surrogate in a name": "\udfff = 3",
    "byte order marks": "\ufeff\ufeff" + ATTENTION,
    "carriage returns": ATTENTION.replace("\n", "\r"),
    "form feeds": ATTENTION.replace("\n", "\n\x0c"),
    "vertical tabs and next lines": ATTENTION.replace("\n", "\x0b\n\x85\u2028"),
    "backslash at the end": ATTENTION + "\\",
    "backslashes": "\\\n" * 200 + "x",
    "tabs and spaces": "if 1:\n\tx = 1\n        y = 2\n  z = 3",
    "blank lines": "\n" * 40_000 + "def",
    "blank lines of spaces": " \n" * 20_000 + "(",
    "imports on a line": "from a " + "import " * 4000 + "\n)" + "\nself_attention(",
    "huge int": "x = " + "9" * 5000,
    "huge hex": "x = 0x" + "f" * 9000,
    "huge hex in a function": _inside("0x" + "f" * 9000),
    "huge hex printed": "print(f'{0x" + "f" * 9000 + "} is a long answer to it')",
    "huge int as an index": _inside("X[" + "9" * 4999 + "]"),
    "huge exponent": "x = 1e999999999j",
    "long name": "self_attention" + "n" * 20_000 + " = lambda X: X",
    "many statements": "self_attention = 0\n" + "self_attention += 1\n" * 800,
    "unicode name": "\U0001d530elf_attention = lambda X: X\n\u212b = 3",
    "cell magic": "%%time\n" + ATTENTION,
    "other cell magic": "%%bash\nrm -rf /",
    "magic of nothing": "%%",
    "magic percents": "%" * 500,
    "line magics": "%matplotlib inline\n!ls {x}\n?x\nx??\n%%\n" + ATTENTION,
    "magic in the middle": ATTENTION.replace("\n", "\n%time x\n    ", 1),
    "magic on many lines": "%time 1\n" * 600 + ATTENTION,
    "magic among equal lines": "x = 1\n" * 400 + "%%x\n!a\\\n b\n" + "x = 1\n" * 400,
    "assigned shell": "a, b = !ls\nc = %pwd\n" + ATTENTION,
    "help in a string": "'''\n%x\n?\n" + ATTENTION,
    "syntax error": "def self_attention(X:\n  return",
    "unclosed string": "x = '''" + ATTENTION,
    "unclosed bracket": "x = (" + ATTENTION,
    "bad dedent": "def f():\n        x\n   y",
    "return outside": "return 3\nawait x\nyield 4\nbreak",
    "prose": "This is no code at all, it is an answer.\n(a) Because they say so: they do.",
    "markers": "(a) " * 2000 + "\n" + "_" * 5000 + "\n" + "# " * 3000,
    "match": "match x:\n    case {'a': [*b], **c} | A(b=3 as c):\n        self_attention = c",
    "walrus and star": "from x import *\nprint(self_attention := lambda *a, **k: (yield))",
    "globals": "globals()['self_attention'] = eval('lambda: x')\nexec('\\ud800')",
    "type comment": "def self_attention(X, Wq, Wk, Wv):  # type: (\n    return X",
    "stub": STUB,
    "empty": "",
}
SNIPPETS = (*HOSTILE.values(), ATTENTION, MULTI_HEAD)
WORDS = ("(", ")", "[", "]", "{", "}", "'", '"""', "f'{", ":", "\n", "\r\n", "\n    ", "\t", "\\\n", "\0", "\ud800", "%", "%%time\n", "!", "?", "#", "@",
         ";", "=", ":=", "**", "-", "lambda: ", "await ", "async ", "import ", "def ", "class A:\n ", "del ", "global ", "self_attention", "9" * 5000, "\x0c")


def find_notebooks() -> list[bytes]:
    """The sample submissions' bytes, in order of their names."""
    files = sorted((ROOT / "submissions").rglob("*.ipynb"))
    return [file.read_bytes() for file in files]


def mutate_source(source: str, random: Random) -> str:
    """A cell's source with a hostile one in its place, before, behind or within, or with tokens put in and taken out."""
    chosen, at = random.randrange(6), random.randint(0, len(source))
    hostile = random.choice(SNIPPETS)
    if chosen < 4:
        return (hostile, f"{hostile}\n{source}", f"{source}\n{hostile}", source[:at] + hostile + source[at:])[chosen]
    for _ in range(random.randint(1, 5)):
        at = random.randint(0, len(source))
        source = source[:at] + random.choice(WORDS) + source[at + random.choice((0, 0, 1, 7)):]
    return source


def mutate_sources(data: Any, random: Random) -> Any:
    """One or two cells of a notebook with spoilt sources."""
    cells = data.get("cells") if isinstance(data, dict) else None
    for cell in random.choices(cells, k=random.randint(1, 2)) if isinstance(cells, list) and cells else []:
        source = cell.get("source", "")
        cell["source"] = mutate_source("".join(source) if isinstance(source, list) else str(source), random)
        if random.random() < 0.3:
            cell["cell_type"] = "code"
    return data


def mutate_notebook(originals: list[bytes], random: Random) -> bytes:
    """A real notebook, spoilt in its bytes, in the structure of its JSON, or in its cells' sources."""
    content, chosen = random.choice(originals), random.randrange(10)
    if chosen < 2:
        return mutate_bytes(content, random)
    try:
        data = json.loads(content)
    except ValueError:
        return mutate_bytes(content, random)
    if chosen < 5:
        for _ in range(random.randint(1, 3)):
            data = mutate_json(data, random)
    else:
        data = mutate_sources(data, random)
    return json.dumps(data).encode()


def check_notebook(content: bytes, assignment: Assignment, template: Template) -> str:
    """Nothing is raised, and each program's statements are there; returns what was found."""
    found = extract(content, assignment, template)
    json.dumps(dataclasses.asdict(found), ensure_ascii=False, default=sorted).encode()  # no lone surrogate came through
    for piece in found.slices.values():
        for cell in piece.program.cells if piece.program else ():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                body = ast.parse(cell.source).body
            assert cell.statements
            assert all(0 <= index < len(body) for index in cell.statements)
            assert list(cell.statements) == sorted(set(cell.statements))
            assert len(cell.lines) == len(cell.source.split("\n"))
            assert all(line >= 1 for line in cell.lines)
    if found.problem:
        return "unreadable"
    return "defined" if any(piece.state == "defined" for piece in found.slices.values()) else "not defined"
