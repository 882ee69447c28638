"""Notebooks of every kind -> slices, answers and notices, without running anything."""

from __future__ import annotations

import ast
import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.assignment import Assignment
from grader.extract import Template, convert, extract
from grader.extract.convert import convert_cells
from grader.extract.notebook import Cell, UnreadableError, read_notebook
from grader.handout import read_template
from grader.model import Extraction
from tests.support import ATTENTION, MULTI_HEAD, MULTI_STUB, ROOT, STUB, code, names, notebook, solved, text

Extract = Callable[[bytes], Extraction]


@pytest.fixture(scope="module")
def template(attention: Assignment) -> Template:
    return read_template(attention)


@pytest.fixture(scope="module")
def read(attention: Assignment, template: Template) -> Extract:
    return lambda content: extract(content, attention, template)


def executed(found: Extraction, name: str = "self_attention") -> str:
    """The source that would be run, statement by statement."""
    program = found.slices[name].program
    assert program is not None
    pieces = [ast.unparse(ast.parse(cell.source).body[index]) for cell in program.cells for index in cell.statements]
    return "\n".join(pieces)


# --- reading ----------------------------------------------------------------------------------------------------------

UNREADABLE = [
    (b"", "empty_file"),
    (b" \r\n\0\0", "empty_file"),
    (b"\x89PNG\r\n", "not_a_notebook"),
    (b"import numpy as np", "not_a_notebook"),
    (b"[]", "not_a_notebook"),
    (b"3", "not_a_notebook"),
    (b'{"cells": 3, "nbformat": 4}', "not_a_notebook"),
    (b'{"worksheets": 3, "nbformat": 3}', "not_a_notebook"),
    (b'{"nbformat": 4}', "not_a_notebook"),
    (solved()[:-30], "invalid_json"),
    (solved().replace(b'"cells"', b"cells", 1), "invalid_json"),
    (b'{"cells": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", "too_deep"),
    (b'{"cells": [], "x": ' + b"9" * 5000 + b"}", "invalid_json"),
    (solved("x = 1\n" * 120_000), "too_much"),
    (solved(*["#" + "+ " * 60_001] * 5), "too_much"),
    (solved("\n" * 300_001), "too_much"),
    (solved(first="x = f(x)\n" * 2_100 + "self_attention = x"), "too_much"),
    (solved(text("a b " * 800_000)), "too_much"),
    (solved(*[""] * 10_000), "too_much"),
]


@pytest.mark.parametrize(("content", "reason"), UNREADABLE, ids=[f"{row[1]}-{row[0][:12]!r}" for row in UNREADABLE])
def test_what_cannot_be_read_says_why(read: Extract, content: bytes, reason: str) -> None:
    problem = read(content).problem
    assert problem is not None
    assert problem.code == reason
    assert problem.message.endswith((".", "again."))


NAMES = [f"x{number:x}" for number in range(40_000)]
DEAR: list[tuple[str, bytes, str]] = [
    # What each cost before it was mended: hours; minutes and gigabytes; 40 s; 20 s.
    ("40,000 unknown names beside a broken cell", notebook(
        "def self_attention(X, Wq, Wk, Wv):\n " + ";".join(NAMES), "x = = 1\n" + "import a\n" * 20_000), ""),
    ("a function of 40,000 names called in 1,500 statements", notebook(
        "def f():\n " + ";".join(NAMES), "\n".join(f"y{number} = f()" for number in range(1500)),
        "def self_attention(X, Wq, Wk, Wv):\n    return " + ", ".join(f"y{number}" for number in range(1500))), "too_much"),
    ("functions nested 94 deep around 40,000 statements", notebook(
        "def self_attention(X, Wq, Wk, Wv):\n" + "".join(" " * depth + "def f():\n" for depth in range(1, 95)) + " " * 95
        + ";".join(NAMES)), ""),
    ("attributes of attributes, 800 deep", notebook(
        "def self_attention(X, Wq, Wk, Wv):\n    return " + ", ".join(["a" + ".b" * 800] * 60)), ""),
]
MOST_SECONDS = 30  # of processor time, to end what would take hours; they take 1 to 4


@pytest.mark.parametrize(("content", "reason"), [row[1:] for row in DEAR], ids=[row[0] for row in DEAR])
def test_no_notebook_takes_minutes_to_read(read: Extract, content: bytes, reason: str) -> None:
    started = time.process_time()
    problem = read(content).problem
    assert (problem.code if problem else "") == reason
    assert time.process_time() - started < MOST_SECONDS


READABLE: list[tuple[str, Callable[[str], bytes], list[str]]] = [
    ("utf-8", lambda text: text.encode(), []),
    ("BOM", lambda text: text.encode("utf-8-sig"), ["encoding"]),
    ("UTF-16", lambda text: text.encode("utf-16"), ["encoding"]),
    ("UTF-16 little end without BOM", lambda text: text.encode("utf-16-le"), ["encoding"]),
    ("UTF-16 big end without BOM", lambda text: text.encode("utf-16-be"), ["encoding"]),
    ("UTF-32", lambda text: text.encode("utf-32"), ["encoding"]),
    ("CRLF", lambda text: text.replace("\n", "\r\n").encode(), []),
    ("CRLF in sources", lambda text: text.replace("\\n", "\\r\\n").encode(), []),
    ("Latin-1", lambda text: text.replace("{", "{\"x\": \"\xe4\", ", 1).encode("latin-1"), ["encoding"]),
    ("trailing spaces", lambda text: text.encode() + b" \n\n", []),
]


@pytest.mark.parametrize(("encode", "notices"), [row[1:] for row in READABLE], ids=[row[0] for row in READABLE])
def test_every_encoding_is_read(read: Extract, encode: Callable[[str], bytes], notices: list[str]) -> None:
    found = read(encode(json.dumps(json.loads(solved()), indent=1)))
    assert found.problem is None
    assert {piece.state for piece in found.slices.values()} == {"defined"}
    assert names(found.notices) == notices


def test_format_3_is_upgraded(read: Extract) -> None:
    cells = [{"cell_type": "code", "language": "python", "input": source, "outputs": [], "prompt_number": 1, "metadata": {}}
             for source in ("import numpy as np", ATTENTION)]
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": cells, "metadata": {}}]}
    assert read(json.dumps(old).encode()).slices["self_attention"].state == "defined"


ODD_CELLS: list[object] = [
    3, None, [], "x", {}, {"cell_type": 3}, {"cell_type": "code"}, {"cell_type": "code", "source": None},
    {"cell_type": "code", "source": [1, "x = 1", None]}, {"cell_type": "code", "source": {"a": 1}},
    {"cell_type": "code", "source": "y = 1", "metadata": None, "outputs": None},
    {"cell_type": "code", "source": "y = 1", "metadata": {"tags": "x"}, "outputs": [3, {"output_type": "stream", "text": [None]}]},
    {"cell_type": "code", "source": "\ud800 = 1"}, {"cell_type": "markdown", "source": "\udfff"},
    {"cell_type": "code", "source": "x = '\0'"}, {"cell_type": "code", "source": "(" * 3000},
    {"cell_type": "code", "source": "-" * 100_000 + "1"}, {"cell_type": "code", "source": "f(" + "f(" * 90 + ")" * 91},
    {"cell_type": "raw", "source": ATTENTION}, {"cell_type": "code", "source": "%%html\n<b>"},
    {"cell_type": "code", "source": "%%" }, {"cell_type": "code", "source": "?"}, {"cell_type": "code", "source": "!"},
    {"cell_type": "code", "source": "x = !"}, {"cell_type": "code", "source": "%"}, {"cell_type": "code", "source": "\\"},
    {"cell_type": "code", "source": "'''"}, {"cell_type": "code", "source": "\tx = 1\n  y = 2"}, {"cell_type": "code", "source": "\f\v"},
]


@pytest.mark.parametrize("odd", ODD_CELLS, ids=lambda odd: repr(odd)[:40])
def test_an_odd_cell_costs_nothing_but_itself(read: Extract, odd: object) -> None:
    data = json.loads(solved())
    data["cells"][1:1] = [odd]
    found = read(json.dumps(data).encode())
    assert {name: piece.state for name, piece in found.slices.items()} == {
        "self_attention": "defined", "multi_head_attention": "defined"}


@pytest.mark.parametrize("metadata", [None, 3, {}, {"kernelspec": 3}, {"kernelspec": {"name": None}}, {"language_info": []}])
def test_metadata_may_be_anything(read: Extract, metadata: object) -> None:
    data = json.loads(solved())
    data["metadata"] = metadata
    assert read(json.dumps(data).encode()).problem is None


def test_a_notebook_for_another_language_needs_a_person(read: Extract) -> None:
    problem = read(notebook("x <- c(1, 2)", language="R")).problem
    assert problem is not None
    assert problem.code == "wrong_kernel"


def test_a_right_notebook_with_a_wrong_kernel_name_is_graded(read: Extract) -> None:
    data = json.loads(solved())
    data["metadata"] = {"kernelspec": {"name": "ir", "language": "R"}}
    assert read(json.dumps(data).encode()).problem is None


def test_a_notebook_without_code_needs_a_person(read: Extract) -> None:
    problem = read(notebook(text("# nothing"), "  \n")).problem
    assert problem is not None
    assert problem.code == "no_code"


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(UnreadableError):  # and nothing else
        read_notebook(content)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(st.lists(st.one_of(
    st.text(alphabet=st.sampled_from("%!?x=()[]{}:'\"\\ \n\t#@;,.defimport*λ"), max_size=60),
    st.text(max_size=40),
    st.sampled_from([ATTENTION, MULTI_HEAD, "%%time\n", "!ls \\\n -l", "class A:\n  def f(self): pass", "match x:\n case [a, *b]: y = a"]),
), max_size=5), st.randoms())
def test_any_cells_are_sliced_without_an_exception(read: Extract, sources: list[str], random: object) -> None:
    found = read(notebook("import numpy as np", *sources))
    assert set(found.slices) == {"self_attention", "multi_head_attention"} or found.problem


# --- slicing ----------------------------------------------------------------------------------------------------------

BODY = "    return helper(X), None"
NEEDED = [
    # cells before the function, lines that must be run, texts that must not be
    (["helper = np.sum"], ["helper = np.sum"], []),
    (["from numpy import sum as helper, mean"], ["from numpy import sum as helper, mean"], []),
    (["eps = 1e-9", "def helper(x): return x + eps"], ["eps = 1e-09"], []),
    (["def helper(x): return other(x)", "def other(x): return x"], ["def other"], []),
    (["try:\n    from fast import helper\nexcept ImportError:\n    def helper(x): return x"], ["except ImportError"], []),
    (["if True:\n    def helper(x): return x\nelse:\n    helper = None"], ["if True"], []),
    (["from numpy import *"], ["from numpy import *"], []),
    (["class Tool:\n    factor = k\n    def run(self, x): return x * self.factor", "k = 3", "helper = Tool().run"], ["class Tool"], []),
    (["table = {}", "table['f'] = np.sum", "def helper(x): return table['f'](x)"], ["table['f'] = np.sum"], []),
    (["steps = []", "steps.append(np.sum)", "def helper(x): return steps[0](x)"], ["steps.append(np.sum)"], []),
    (["def helper(x): return 1", "def helper(x): return 2"], ["return 2"], ["return 1"]),
    (["def helper(x): return 1", "old = helper", "def helper(x): return old(x)"], ["return 1", "return old(x)"], []),
    (["helper = lambda x: x", "print(helper(3))", "helper(4)", "plt.plot()"], ["lambda"], ["print", "helper(4)", "plt"]),
    (["a, helper = 1, np.sum"], ["a, helper"], []),
    (["import functools", "@functools.wraps(print)\ndef helper(x): return x"], ["import functools", "@functools.wraps"], []),
    (["k = 2", "def helper(x, power=k): return x", "k = 3"], ["k = 2"], ["k = 3"]),
    (["k = 2", "def helper(x): return x ** k", "k = 3"], ["k = 3"], ["k = 2"]),
    (["k = 1", "k += 1", "def helper(x): return k"], ["k = 1", "k += 1"], []),
    (["while True: pass", "input()", "exit()", "open('x')", "helper = np.sum", "1 / 0"], ["helper"], ["while", "input", "exit", "open", "1 / 0"]),
    (["helper = np.sum; data = open('x'); print(data)"], ["helper"], ["open", "print"]),
    (["for i in range(3):\n    helper = np.sum"], ["for i"], []),
    (["with np.errstate(all='ignore'):\n    helper = np.sum"], ["with np.errstate"], []),
    (["%%time\ndef helper(x):\n    return x"], ["def helper"], []),
    (["!pip install x\nhelper = np.sum\n%matplotlib inline"], ["helper"], ["get_ipython"]),
    (["def helper(x):\n    global seen\n    seen = x\n    return x", "seen = None"], ["seen = None"], []),
    (["names = ['sum']\nhelper = getattr(np, names[0])"], ["names = ['sum']"], []),
    (["(helper := np.sum)"], ["helper := np.sum"], []),
    (["def helper(x): return eval('scale') * x", "scale = 2"], ["scale = 2"], []),
    (["np.float = float", "helper = np.float"], ["np.float = float"], []),
    (["np.set_printoptions(precision=1)", "helper = np.sum"], [], ["set_printoptions"]),
    (["helper: 'unknown.Type' = np.sum"], ["helper"], []),
    (["match 3:\n    case helper: pass"], ["match 3"], []),
    (["from __future__ import annotations\nhelper = np.sum"], ["helper"], []),
    ([">>> def helper(x):\n...     return x"], ["def helper"], []),
    (["def helper(x: Missing) -> Missing: return x"], ["def helper"], []),
]


@pytest.mark.parametrize(("before", "wanted", "unwanted"), NEEDED, ids=[" | ".join(row[0])[:50] for row in NEEDED])
def test_the_slice_is_what_the_function_needs_and_no_more(
    read: Extract, before: list[str], wanted: list[str], unwanted: list[str]
) -> None:
    source = executed(read(notebook("import numpy as np", *before, f"def self_attention(X, Wq, Wk, Wv):\n{BODY}")))
    assert [piece for piece in wanted if piece not in source] == []
    assert [piece for piece in unwanted if piece in source] == []


BINDINGS = [
    "self_attention = lambda X, Wq, Wk, Wv: (X, X)",
    "def attend(X, Wq, Wk, Wv): return X, X\nself_attention = attend",
    "class A:\n    def run(self, X, Wq, Wk, Wv): return X, X\nself_attention = A().run",
    "other, self_attention = 1, lambda *a: (a, a)",
    "import functools\ndef f(n, *a): return a, a\nself_attention = functools.partial(f, 3)",
    "if True:\n    def self_attention(X, Wq, Wk, Wv): return X, X",
    "async def self_attention(X, Wq, Wk, Wv): return X, X",
    "from lib import self_attention",
]


@pytest.mark.parametrize("source", BINDINGS)
def test_any_binding_of_the_name_is_a_definition(read: Extract, source: str) -> None:
    assert read(notebook(source)).slices["self_attention"].state == "defined"


STUBS = [
    STUB, STUB.replace("    ...\n", "    # TODO\n    ...   \n\n"), STUB.replace("    ...", '    """Doc."""\n    ...'),
    "def self_attention(X, Wq, Wk, Wv): pass", "def self_attention(X, Wq, Wk, Wv):\n    raise NotImplementedError",
    "def self_attention(X, Wq, Wk, Wv):\n    raise NotImplementedError('later')", "def self_attention(X, Wq, Wk, Wv):\n    return None",
]


@pytest.mark.parametrize("stub", STUBS)
def test_a_stub_is_missing(read: Extract, stub: str) -> None:
    piece = read(notebook("import numpy as np", stub, MULTI_STUB)).slices["self_attention"]
    assert piece.state == "missing"
    assert "stub" in piece.message


def test_a_stub_below_the_solution_is_ignored_with_a_notice(read: Extract) -> None:
    found = read(notebook("import numpy as np", ATTENTION, MULTI_HEAD, STUB))
    assert found.slices["self_attention"].state == "defined"
    assert names(found.notices) == ["stub_ignored"]
    assert "..." not in executed(found, "multi_head_attention")


def test_the_last_definition_wins_with_a_notice_when_it_differs(read: Extract) -> None:
    wrong = ATTENTION.replace("axis=1", "axis=0")
    found = read(solved(first=wrong + "\n\n" + ATTENTION))
    assert "axis=0" not in executed(found)
    assert names(found.notices) == ["redefined"]
    assert names(read(solved(first=ATTENTION + "\n\n" + ATTENTION)).notices) == []


NEAR = [
    ("def selfattention(X, Wq, Wk, Wv): return X", "`selfattention`"),
    ("def Self_Attention(X, Wq, Wk, Wv): return X", "`Self_Attention`"),
    ("def self_atention(X, Wq, Wk, Wv): return X", "`self_atention`"),
    ("class Model:\n    def self_attention(self, X): return X", "inside `Model`"),
    ("selfAttention = lambda X: X", "`selfAttention`"),
    ("def plot(x): return x", ""),
]


@pytest.mark.parametrize(("source", "offered"), NEAR)
def test_a_near_miss_is_suggested(read: Extract, source: str, offered: str) -> None:
    piece = read(notebook(source)).slices["self_attention"]
    assert piece.state == "missing"
    assert offered in piece.message
    assert ("rename" in piece.message or "bind" in piece.message) == bool(offered)


def test_a_broken_cell_costs_nothing_but_itself(read: Extract) -> None:
    found = read(solved("def broken(:\n    pass", "x = (1,\n"))
    assert {piece.state for piece in found.slices.values()} == {"defined"}
    assert [(notice.code, notice.cell, notice.line) for notice in found.notices] == [("broken_cell", 4, 1), ("broken_cell", 5, 1)]


NESTED: dict[str, Callable[[int], str]] = {
    "a sum": lambda depth: "x = " + "+".join(["1"] * depth),
    "a chain of elif": lambda depth: "if x == 0: y = 0\n" + "".join(f"elif x == {n}: y = {n}\n" for n in range(1, depth)),
    "lambdas": lambda depth: "x = " + "lambda a=1: " * depth + "1",
    "conditions": lambda depth: "x = " + "1 if 0 else " * depth + "2",
    "attributes": lambda depth: "x = y" + ".z" * depth,
    "signs": lambda depth: "x = " + "-" * depth + "1",
}


@pytest.mark.parametrize("shape", NESTED)
def test_a_cell_is_used_however_deep_it_is_nested_or_said_to_be_too_deep(read: Extract, shape: str) -> None:
    limit = sys.getrecursionlimit()
    for depth, codes in ((800, []), (2500, ["broken_cell"]), (10_000, ["broken_cell"])):
        found = read(solved(NESTED[shape](depth) + "\ndef f(): return 1"))
        assert names(found.notices) == codes
        assert found.slices["self_attention"].state == "defined"
    assert sys.getrecursionlimit() == limit


@pytest.mark.parametrize("asked", ["n" * 100_000, "n." * 50_000, "n[1]" * 25_000], ids=["name", "attributes", "items"])
def test_a_long_question_is_not_left_to_ipython_which_would_take_minutes(
    read: Extract, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    handed: list[str] = []
    export = convert._export

    def listen(sources: list[str]) -> list[str]:
        handed.extend(sources)
        return export(sources)

    monkeypatch.setattr(convert, "_export", listen)
    found = read(solved(f"1. Why {asked} = lambda X: different?", "np.exp?"))
    assert "np.exp?" in handed
    assert max(map(len, handed)) < 2000
    assert names(found.notices) == ["broken_cell"]
    assert found.slices["self_attention"].state == "defined"


def test_a_broken_definition_says_cell_and_line(read: Extract) -> None:
    piece = read(notebook(text("# t"), "import numpy as np", "\n\n" + ATTENTION.replace("np.sqrt(", "np.sqrt"))).slices["self_attention"]
    assert piece.state == "broken"
    assert "Cell 3" in piece.message
    assert "line 5" in piece.message
    assert piece.listings[0].marks[0][0] == 5


def test_a_helper_in_a_broken_cell_is_named(read: Extract) -> None:
    found = read(notebook("def helper(x:\n  return x", "def self_attention(X, Wq, Wk, Wv):\n    return helper(X), X"))
    assert dict(found.slices["self_attention"].unresolved)["helper"].startswith("cell 1, which defines `helper`, is not valid")


def test_forbidden_imports_count_only_where_they_are_needed(read: Extract) -> None:
    unused = read(solved("import torch", first="import torch.nn as nn, math\n" + ATTENTION.replace("np.sqrt(", "math.sqrt(")))
    assert unused.slices["self_attention"].imports == unused.slices["multi_head_attention"].imports
    assert "torch" not in {use.module for use in unused.slices["self_attention"].imports}
    assert set(names(unused.notices)) == {"forbidden_import_unused"}
    for used in ("import torch\ndef self_attention(X, a, b, c):\n    return torch.ones(3), X",
                 "def self_attention(X, a, b, c):\n    import torch\n    return X, X",
                 "def self_attention(X, a, b, c):\n    from torch.nn import functional\n    return X, X",
                 "t = __import__('torch')\ndef self_attention(X, a, b, c):\n    return t, X",
                 "import importlib\nt = importlib.import_module('torch.nn')\ndef self_attention(X, a, b, c):\n    return t, X",
                 "from torch import *\ndef self_attention(X, a, b, c):\n    return ones(X), X"):
        assert "torch" in {use.module for use in read(notebook(used)).slices["self_attention"].imports}, used


# --- positions --------------------------------------------------------------------------------------------------------

LINES = [
    "x = 1\n\ny = 2\nLAST = 3",
    "\n\n\nx = 1\nLAST = 3",
    "%%time\nx = 1\nLAST = 3",
    "\n%%capture out\n\nLAST = 3",
    "!pip install a \\\n  b \\\n  c\nx = 1\nLAST = 3",
    "%matplotlib inline\n!ls\nfiles = !ls -l\nLAST = 3",
    "  x = 1\n  y = 2\n  LAST = 3",
    ">>> x = 1\n>>> LAST = 3",
    "x = 1\nx?\nLAST = 3\n\n\n",
    "s = '''\n%time\n!ls\n'''\nLAST = 3",
]


@pytest.mark.parametrize("source", LINES, ids=repr)
def test_lines_come_back_as_the_students_own(source: str) -> None:
    cell = convert_cells([Cell(1, "code", source, frozenset())])[0]
    assert cell.tree is not None
    expected = 1 + next(at for at, line in enumerate(source.split("\n")) if "LAST" in line)
    assert cell.line_of(cell.tree.body[-1].lineno) == expected


def test_a_cell_cannot_forge_the_border_of_cells() -> None:
    cells = [Cell(1, "code", "# cell 0123\nx = 1\n# In[2]:\n", frozenset()), Cell(2, "code", "y = 2", frozenset())]
    assert [cell.source.strip().split("\n")[-1] for cell in convert_cells(cells)] == ["# In[2]:", "y = 2"]


# --- answers ----------------------------------------------------------------------------------------------------------

C, D = text("### (c) Why the results are different?"), text("### (d) What happens if you change the order of two inputs?")
BOX_C, BOX_D = text("*Your answer to (c) here.*", "answer-c"), text("*Your answer to (d) here.*", "answer-d")
ANSWERS = [
    ([C, BOX_C, D, BOX_D], "", ""),
    ([C, text("Heads.", "answer-c"), D, text("They swap.", "answer-d")], "Heads.", "They swap."),
    ([C, text("Heads."), D, text("They swap.")], "Heads.", "They swap."),
    ([text(C["source"] + "\n\nHeads."), BOX_C, D, BOX_D], "Heads.", ""),
    ([C, BOX_C, text("Heads, added below."), D, BOX_D, code("# The rows are swapped then.\nx = 1")], "Heads, added below.",
     "The rows are swapped then."),
    ([text("**(c)** Heads.\n\n(d) They swap."), C, BOX_C, D, BOX_D], "**(c)** Heads.", "(d) They swap."),
    ([text("(c+d)\n1. Why the results are different?\nHeads.\n2. What happens if you change the order of two inputs?\nSwap.")],
     "Heads.", "Swap."),
    ([C, text("Heads.", "answer-c"), text("More heads."), D, text("Swap.", "answer-d")], "Heads.\n\nMore heads.", "Swap."),
    ([text("Heads.", "answer-c"), text("Swap.", "answer-d")], "Heads.", "Swap."),
    ([C, code("print('The heads differ a lot.')"), D, BOX_D], "The heads differ a lot.", ""),
    ([C, text("*Your answer to (c) here.* Heads.", "answer-c"), D, BOX_D], "*Your answer to (c) here.* Heads.", ""),
    ([C, text("a\n\nb\n\n$$x$$", "answer-c"), D, BOX_D], "a\n\nb\n\n$$x$$", ""),
    ([text("1. Heads.\n2. They swap.")], "1. Heads.", "2. They swap."),
    ([text("**Question 1:** Heads.\n\n**Question 2:** Swap.")], "**Question 1:** Heads.", "**Question 2:** Swap."),
    ([text("**Part (c)**\n\nHeads.\n\n**Part (d)**\n\nSwap.")], "**Part (c)**\n\nHeads.", "**Part (d)**\n\nSwap."),
    ([C, code("x = 3\nprint(f'Each head has {x} weights')"), D, BOX_D], "Each head has {x} weights", ""),
    ([C, code("answer = 'Each head has its own.'"), D, BOX_D], "Each head has its own.", ""),
    ([C, code("Each head has its own softmax."), D, BOX_D], "Each head has its own softmax.", ""),
    ([C, text("a) one\nb) two\nc) three\nd) four", "answer-c"), D, BOX_D], "a) one\nb) two\nc) three\nd) four", ""),
    ([C, text("1. one\n2. two", "answer-c"), D, BOX_D], "1. one\n2. two", ""),
    ([C, code("print('Each head has its own.')\nx = 1if 0else 2; y = '\\d'"), D, BOX_D], "Each head has its own.", ""),
    ([text("Just a remark on (a)."), C, BOX_C, D, BOX_D], "", ""),
]


@pytest.mark.parametrize(("cells", "c", "d"), ANSWERS, ids=range(len(ANSWERS)))
def test_answers_are_found_where_students_write_them(read: Extract, cells: list[dict[str, object]], c: str, d: str) -> None:
    assert dict(read(solved(*cells)).answers) == {"c": c, "d": d}


PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def pasted(source: str, *tags: str, **pictures: object) -> dict[str, object]:
    """A markdown cell with attachments; `a_png` is one named `a.png`."""
    return text(source, *tags) | {"attachments": {name.replace("_", "."): kinds for name, kinds in pictures.items()}}


PICTURES: dict[str, tuple[list[dict[str, object]], dict[str, list[str]], list[str]]] = {
    "one": ([pasted("Look: ![plot](attachment:a.png)", "answer-c", a_png={"image/png": PNG})], {"c": ["a.png"]}, []),
    "in lines, as notebooks keep it": (
        [pasted("![plot](attachment:a.png)", "answer-c", a_png={"image/png": [PNG[:40] + "\n", PNG[40:]]})], {"c": ["a.png"]}, []),
    "as HTML, and in brackets": (
        [pasted("<img src='attachment:a.png'> ![b](<attachment:b.png> 'b')", "answer-d",
                a_png={"image/jpeg": PNG}, b_png={"image/webp": PNG})], {"d": ["a.png", "b.png"]}, []),
    "two cells call theirs alike": (
        [pasted("![x](attachment:image.png)", "answer-c", image_png={"image/png": PNG}),
         pasted("![y](attachment:image.png)", "answer-d", image_png={"image/gif": PNG})],
        {"c": ["4-image.png"], "d": ["5-image.png"]}, []),
    "pasted into a cell beside": (
        [text("![x](attachment:a.png)", "answer-c"), pasted("", a_png={"image/png": PNG})], {"c": ["a.png"]}, []),
    "not shown": ([pasted("No picture.", "answer-c", a_png={"image/png": PNG})], {}, []),
    "not there": ([text("![x](attachment:gone.png)", "answer-c")], {}, ["picture_left_out"]),
    "a script may be in it": (
        [pasted("![x](attachment:a.svg)", "answer-c", a_svg={"image/svg+xml": "<svg onload='alert(1)'/>"})], {}, ["picture_left_out"]),
    "no base64": ([pasted("![x](attachment:a.png)", "answer-c", a_png={"image/png": "x\"><script>"})], {}, ["picture_left_out"]),
    "too large": (
        [pasted("![x](attachment:a.png)", "answer-c", a_png={"image/png": "A" * 2_000_001})], {}, ["picture_left_out"]),
    "odd": ([pasted("![x](attachment:a.png)", "answer-c", a_png=3) | {"attachments": [1]}], {}, ["picture_left_out"]),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_come_with_the_answer_that_shows_them(read: Extract, name: str) -> None:
    cells, pictures, notices = PICTURES[name]
    found = read(solved(*cells))
    assert {question: list(shown) for question, shown in found.pictures.items() if shown} == pictures
    assert names(found.notices) == notices
    for question, shown in found.pictures.items():
        assert all(f"attachment:{one}" in found.answers[question] for one in shown)
        assert all(re.fullmatch(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+", uri) for uri in shown.values())


def test_many_pictures_are_kept_as_far_as_there_is_room(read: Extract) -> None:
    many = {f"p{at}_png": {"image/png": "A" * 1_900_000} for at in range(5)}
    found = read(solved(pasted(" ".join(f"![x](attachment:p{at}.png)" for at in range(5)), "answer-c", **many)))
    assert list(found.pictures["c"]) == ["p0.png", "p1.png", "p2.png"]
    assert names(found.notices) == ["picture_left_out"] * 2


def test_a_command_for_the_shell_is_no_answer(read: Extract) -> None:
    found = read(solved(text("It swaps.", "answer-d"), "!pip install numpy now\n%timeit f()"))
    assert found.answers["d"] == "It swaps."


def test_the_template_holds_no_answer_and_every_given_cell(read: Extract) -> None:
    file: Path = ROOT / "student_template" / "attention" / "attention.ipynb"
    found = read(file.read_bytes())
    assert dict(found.answers) == {"c": "", "d": ""}
    assert {piece.state for piece in found.slices.values()} == {"missing"}


def test_reading_a_notebook_builds_no_grammars_of_addresses() -> None:
    program = "import sys, importlib.util, grader.extract; print('lark' in sys.modules, importlib.util.find_spec('rfc3987_syntax') is None)"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert run.stdout == "False False\n"  # it is there, and was not imported
