"""The box: what student code returns, raises and does, and what it cannot do, behind both walls and the inner one alone."""

from __future__ import annotations

import ast
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.errors import SandboxError
from grader.model import Argument, Array, Invocation, Items, Limits, Opaque, Program, ProgramCell, Raised, Returned, Transcript
from grader.sandbox import Box, box, outer, server
from grader.sandbox.replies import Replies, clean
from grader.tensors import FrameError, encode

LIMITS = Limits(cpu_seconds=1.0, wall_seconds=4.0, memory_mb=512, output_mb=4)
INERT = ("matplotlib", "google", "IPython")
Run = Callable[..., Transcript]


def cell(source: str, number: int = 1, shift: int = 0) -> ProgramCell:
    """Every statement of a cell; its line n is the student's line n + shift."""
    try:
        statements = len(ast.parse(source).body)
    except SyntaxError:
        statements = 0
    return ProgramCell(number, source, tuple(range(statements)), tuple(n + shift for n in range(1, source.count("\n") + 2)))


def program(*sources: str) -> Program:
    return Program("f", tuple(cell(source, number) for number, source in enumerate(sources, 1)))


LEFT_OUT: dict[str, tuple[str, ...]] = {
    "both walls": (),
    "inner wall": ("bubblewrap",),
    **({"no wall that knows paths": ("bubblewrap", "landlock")} if os.geteuid() == 0 else {}),  # another uid in their place
}


@pytest.fixture(scope="module", params=LEFT_OUT)
def shared_box(request: pytest.FixtureRequest) -> Iterator[Box]:
    with Box(LIMITS, INERT, without=LEFT_OUT[request.param]) as shared:
        yield shared


@pytest.fixture
def run(shared_box: Box) -> Run:
    def run_sources(*sources: str, arguments: tuple[Argument, ...] = (), calls: int = 1) -> Transcript:
        return shared_box.run(program(*sources), [Invocation("f", arguments)] * calls)

    return run_sources


def value(transcript: Transcript) -> Any:
    (reply,) = transcript.replies
    assert isinstance(reply, Returned), (reply, transcript.end, transcript.detail, transcript.load)
    return reply.value


def raised(transcript: Transcript) -> Raised:
    (reply,) = transcript.replies
    assert isinstance(reply, Raised), (reply, transcript.end, transcript.detail)
    return reply


# --- what is returned -------------------------------------------------------------------------------------------------

ARRAYS: dict[str, tuple[str, Array]] = {
    "array": ("np.arange(6.0).reshape(2, 3)", np.arange(6.0).reshape(2, 3)),
    "float32": ("np.ones((2, 1), np.float32)", np.ones((2, 1), np.float32)),
    "transposed": ("np.arange(6).reshape(2, 3).T", np.arange(6).reshape(2, 3).T),
    "big-endian": ("np.arange(3, dtype='>i4')", np.arange(3, dtype=np.int32)),
    "bool": ("np.array([True, False])", np.array([True, False])),
    "complex": ("np.array(1j)", np.array(1j)),
    "longdouble": ("np.ones(2, np.longdouble)", np.ones(2)),
    "zero strides": ("np.broadcast_to(np.float64(2), (2, 2))", np.full((2, 2), 2.0)),
    "empty": ("np.zeros((0, 3))", np.zeros((0, 3))),
    "matrix": ("np.matrix([[1.0, 2.0]])", np.array([[1.0, 2.0]])),
    "masked": ("np.ma.array([1.0, 2.0], mask=[0, 1])", np.array([1.0, 2.0])),
    "float": ("1.5", np.array(1.5)),
    "int": ("7", np.array(7)),
    "python bool": ("True", np.array(True)),
    "numpy scalar": ("np.float32(0.5)", np.array(0.5, np.float32)),
    "huge int": ("10 ** 30", np.array(1e30)),
    "nested list": ("[[1, 2.5], [3, np.float64(4)]]", np.array([[1, 2.5], [3, 4]])),
    "object array": ("np.array([[1, 2.0], [True, 3]], dtype=object)", np.array([[1, 2.0], [1, 3.0]])),
    "array interface": ("type('T', (), {'__array__': lambda self, dtype=None, copy=None: np.ones(2)})()", np.ones(2)),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_numbers_come_back_as_a_plain_array(run: Run, name: str) -> None:
    expression, expected = ARRAYS[name]
    array = value(run("import numpy as np", f"def f(): return {expression}"))
    assert type(array) is np.ndarray
    assert array.dtype == expected.dtype
    assert array.shape == expected.shape
    assert np.array_equal(array, expected)


@pytest.mark.parametrize(
    ("expression", "kind", "shapes"),
    [
        ("(np.ones(2), np.ones((2, 3)))", "tuple", [(2,), (2, 3)]),
        ("[np.ones(2), np.ones(2)]", "list", [(2,), (2,)]),
        ("collections.namedtuple('T', 'a b')(1, np.ones(2))", "tuple", [(), (2,)]),
        ("[[1, 2], [3]]", "list", [(2,), (1,)]),
        ("(1.0, [1.0, 2.0])", "tuple", [(), (2,)]),
        ("[]", "list", []),
    ],
)
def test_tuples_and_lists_stay_what_they_are(run: Run, expression: str, kind: str, shapes: list[tuple[int, ...]]) -> None:
    items = value(run("import numpy as np, collections", f"def f(): return {expression}"))
    assert isinstance(items, Items)
    assert items.kind == kind
    assert [item.shape for item in items.items if isinstance(item, np.ndarray)] == shapes
    assert len(items.items) == len(shapes)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("None", "None"),
        ("{}", "a dict"),
        ("'no'", "a string"),
        ("(x for x in [1])", "a generator"),
        ("f", "a function"),
        ("np", "a module"),
        ("int", "a class"),
        ("np.array(['a'])", "an array of strings"),
        ("np.array([{}])", "an array of Python objects"),
        ("np.zeros(2, dtype='M8[s]')", "an array of dates"),
        ("np.broadcast_to(1.0, (2_000_000, 2_000_000))", "an array of 4.0e+12 numbers"),
        ("np.zeros((1000, 1000))", "an array of 1.0e+06 numbers"),
        ("np.zeros((0, 1 << 50))", "an array of 0.0e+00 numbers"),
        ("loop", "a structure nested more than 16 deep, or in itself"),
        ("[()] * 20_000", "a structure of more than 10,000 parts"),
        ("tower", "a list of more than 4,000,000 parts"),
        ("Bad()", "an object of type Bad that cannot be turned into an array"),
        ("Named()", "an object of type \\xe9"),
        ("plt.figure()", "an object of a plotting or notebook library"),
    ],
)
def test_what_is_no_array_of_numbers_is_described(run: Run, expression: str, words: str) -> None:
    source = """
import numpy as np, matplotlib.pyplot as plt
loop = []; loop.append(loop)
tower = [1]
for _ in range(40): tower = [tower, tower]
class Bad:
    def __array__(self, *args, **kwargs): raise KeyboardInterrupt
Named = type("é", (), {})
"""
    assert value(run(source, f"def f(): return {expression}")) == Opaque(words)


def test_an_object_inside_a_tuple_leaves_the_rest_whole(run: Run) -> None:
    items = value(run("import numpy as np", "def f(): return np.ones(2), {}, 'x'"))
    assert np.array_equal(items.items[0], np.ones(2))
    assert items.items[1:] == (Opaque("a dict"), Opaque("a string"))


def test_all_answers_together_stay_below_the_output_limit(run: Run) -> None:
    transcript = run("import numpy as np", "def f(): return np.zeros(200_000)", calls=4)  # 1.6 MB each, of 4
    assert transcript.end == "finished"
    assert [isinstance(reply.value, Opaque) for reply in transcript.replies if isinstance(reply, Returned)] == [
        False,
        False,
        True,
        True,
    ]


def test_lies_about_class_and_array_are_not_believed(run: Run) -> None:
    source = """
import numpy as np
class Liar(np.ndarray):
    __class__ = property(lambda self: tuple)
    def __array__(self, *args): raise ValueError
    def tobytes(self, *args): return b"!"
    def astype(self, *args, **kwargs): return "!"
    shape = property(lambda self: (9, 9))
    def __eq__(self, other): return True
class Changing:
    n = 0
    def __array__(self, dtype=None, copy=None):
        Changing.n += 1
        return np.full(Changing.n, 1.0)
def f(): return np.arange(2.0).view(Liar), Changing()
"""
    first, second = value(run(source)).items
    assert first.tolist() == [0.0, 1.0]
    assert second.tolist() == [1.0]


# --- what is passed ---------------------------------------------------------------------------------------------------


def test_arguments_arrive_as_they_are_and_changes_are_seen(run: Run) -> None:
    source = """
import numpy as np
def f(a, b, c, n, x):
    assert a.flags.writeable and a.flags.owndata and type(n) is int and type(x) is float
    a += 1
    c.shape = (4,)
    return a, b, c, n, x
"""
    a, c = np.arange(3, dtype=np.float32), np.ones((2, 2))
    transcript = run(source, arguments=(a, np.arange(2), c, 3, 0.1), calls=3)
    for reply in transcript.replies:  # the second call gets fresh copies
        assert isinstance(reply, Returned)
        assert isinstance(reply.value, Items)
        assert reply.changed == (0, 2)
        assert [np.asarray(item).tolist() for item in reply.value.items] == [[1, 2, 3], [0, 1], [1, 1, 1, 1], 3, 0.1]
    assert a.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "change", ["a.dtype = np.int64", "a[0] = np.nan", "a.resize(10_000_000, refcheck=False)", "a.resize(1, refcheck=False)"]
)
def test_every_kind_of_change_is_seen(run: Run, change: str) -> None:
    transcript = run("import numpy as np", f"def f(a):\n    {change}", arguments=(np.zeros(3),))
    reply = transcript.replies[0]
    assert isinstance(reply, Returned)
    assert reply.changed == (0,)


def test_nan_and_empty_arguments_are_not_taken_for_changes(run: Run) -> None:
    reply = run("def f(a, b): return b", arguments=(np.array([np.nan]), np.zeros((0, 2)))).replies[0]
    assert isinstance(reply, Returned)
    assert reply.changed == ()


# --- what is raised ---------------------------------------------------------------------------------------------------

POSITIONS: list[tuple[str, str, str, tuple[int | None, int | None]]] = [
    ("def f():\n    x = 1\n    return x / 0", "ZeroDivisionError", "division by zero", (1, 3)),
    ("import numpy as np\ndef f(): return np.ones(2) @ np.ones(3)", "ValueError", "matmul", (1, 2)),
    ("def g(x):\n    return x.nope\ndef f():\n    return g(1)", "AttributeError", "nope", (1, 2)),
    ("def f(): raise KeyboardInterrupt", "KeyboardInterrupt", "", (1, 1)),
    ("def f(): exit(3)", "SystemExit", "3", (1, 1)),
    ("def f():\n    return f()", "RecursionError", "maximum recursion", (1, 2)),
    ("def f(): return eval('1 +')", "SyntaxError", "invalid syntax", (1, 1)),
    ("def f(x): return x", "TypeError", "missing 1 required", (None, None)),
    ("g = 1", "NameError", "name 'f' is not defined", (None, None)),
    ("f = 3", "TypeError", "not callable", (None, None)),
    ("def f(): return input('?')", "EOFError", "EOF", (1, 1)),
    ("def f():\n    import torch", "ModuleNotFoundError", "torch", (1, 2)),
    ("class E(Exception):\n    def __str__(self): raise ValueError\ndef f(): raise E", "E", "", (1, 3)),
    ("def f(): raise ValueError('x' * 10**6)", "ValueError", "x" * 400, (1, 1)),
    (
        "def f(): raise ValueError('\\x1b[31mred\\x1b[0m \\u202ebidi\\u202c \\ud800 a\\nb\\x00')",
        "ValueError",
        "red bidi  a b",
        (1, 1),
    ),
]


@pytest.mark.parametrize(("source", "exception", "message", "position"), POSITIONS, ids=[row[0][:40] for row in POSITIONS])
def test_an_exception_has_name_message_and_place(
    run: Run, source: str, exception: str, message: str, position: tuple[int | None, int | None]
) -> None:
    transcript = run(source)
    error = raised(transcript)
    assert (error.exception, error.kind, transcript.end) == (exception, "error", "finished")
    assert message in error.message
    assert len(error.message) <= 500
    assert (error.cell, error.line) == position


def test_lines_are_those_of_the_student_s_own_cell(shared_box: Box) -> None:
    shifted = Program("f", (cell("x = 1", 4), cell("def f():\n    return 1 / 0", 7, shift=10)))
    error = raised(shared_box.run(shifted, [Invocation("f", ())]))
    assert (error.cell, error.line) == (7, 12)


def test_loading_goes_on_after_a_statement_that_raises(run: Run) -> None:
    transcript = run("a = 1\nb = 1 / 0\nc = a\nraise SystemExit", "d = (", "def f(): return c")
    assert [(error.exception, error.cell, error.line) for error in transcript.load] == [
        ("ZeroDivisionError", 1, 2),
        ("SystemExit", 1, 4),
        ("SyntaxError", 2, 1),
    ]
    assert value(transcript) == 1


def test_only_the_wanted_statements_run(shared_box: Box) -> None:
    source = "a = 1\na = 2\ndef f(): return a"
    (reply,) = shared_box.run(Program("f", (ProgramCell(1, source, (0, 2), (1, 2, 3)),)), [Invocation("f", ())]).replies
    assert isinstance(reply, Returned)
    assert reply.value == np.array(1)


FORBIDDEN = [
    ("open('/etc/passwd').read()", "open or change a file"),
    ("open('answer.txt', 'w')", "open or change a file"),
    ("__import__('numpy').load('solution.npy')", "open or change a file"),
    ("__import__('socket').socket()", "open a network socket"),
    ("__import__('urllib.request').request.urlopen('http://example.org', timeout=1)", "network"),
    ("__import__('subprocess').run(['ls'])", "start another program"),
    ("__import__('os').fork()", "start another process"),
    ("__import__('os').kill(1, 9)", "signal a process"),
    ("__import__('os').listdir('/root')", "open or change a file"),
    ("__import__('os').mkdir('x')", "open or change a file"),
    ("__import__('tempfile').TemporaryFile()", ""),
    ("__import__('shutil').rmtree('/tmp')", ""),
    ("__import__('multiprocessing').Process(target=print).start()", "start another process"),
]


@pytest.mark.parametrize(("act", "words"), FORBIDDEN, ids=[row[0] for row in FORBIDDEN])
def test_what_the_walls_deny_is_forbidden(run: Run, act: str, words: str) -> None:
    transcript = run(f"def f(): return {act}")
    error = raised(transcript)
    assert (error.kind, error.cell, error.line, transcript.end) == ("forbidden", 1, 1, "finished")
    assert words in error.message


def test_using_up_memory_is_memory_and_later_calls_are_still_answered(run: Run) -> None:
    source = "import numpy as np\nkept = []\ndef f():\n    while True: kept.append(np.zeros(1_000_000))"
    transcript = run(source, calls=2)
    for reply in transcript.replies:
        assert isinstance(reply, Raised)
        assert (reply.exception, reply.kind, reply.line) == ("MemoryError", "memory", 4)


def test_using_up_memory_in_small_pieces_ends_in_no_other_way() -> None:
    with Box(Limits(5.0, 10.0, memory_mb=48), without=["bubblewrap"]) as small:
        transcript = small.run(program("kept = []\ndef f():\n    while True: kept.append([0] * 10)"), [Invocation("f", ())] * 2)
    assert (
        transcript.end == "memory" or [isinstance(reply, Raised) and reply.kind for reply in transcript.replies] == ["memory"] * 2
    )


# --- how it ends ------------------------------------------------------------------------------------------------------

SWALLOW = """
import signal
for s in (signal.SIGXCPU, signal.SIGALRM, signal.SIGTERM, signal.SIGINT, signal.SIGPROF):
    signal.signal(s, lambda *a: None)
def f():
    while True:
        try:
            while True: print('x' * 100_000)
        except BaseException: pass
"""
SCAN = """
import os, struct, json
def f():
    text = json.dumps({}).encode()
    for fd in range(256):
        try: os.write(fd, struct.pack("<IQ", len(text), 0) + text)
        except OSError: pass
    return 1.0
"""
ENDINGS = [
    ("an endless loop that swallows all", SWALLOW, "timeout", "1 s of processor time"),
    (
        "hostile __str__",
        "class E(Exception):\n    def __str__(self):\n        while True: pass\ndef f(): raise E",
        "timeout",
        "1 s of",
    ),
    ("os._exit(0)", "import os\ndef f(): os._exit(0)", "crashed", "exit status 0"),
    ("abort", "import os\ndef f(): os.abort()", "crashed", "killed by signal"),
    ("segmentation fault", "import ctypes\ndef f(): ctypes.string_at(0)", "crashed", "segmentation fault"),
    ("nonsense to every descriptor", SCAN, "crashed", "protocol"),
    ("half a frame", SCAN.replace("+ text", "[:0] + b'ab'").replace("return 1.0", "os._exit(0)"), "crashed", ""),
    ("a frame of the wrong number", SCAN.replace("dumps({})", "dumps({'number': 9, 'load': []})"), "crashed", "out of turn"),
    (
        "a reply flood",
        SCAN.replace("for fd in range(256)", "while True").replace("os.write(fd, ", "os.write(3, 99999 * "),
        "crashed",
        "protocol",
    ),
]


@pytest.mark.parametrize(("source", "end", "words"), [row[1:] for row in ENDINGS], ids=[row[0] for row in ENDINGS])
def test_how_a_process_ended_is_seen_from_outside(run: Run, source: str, end: str, words: str) -> None:
    transcript = run(source)
    assert transcript.end == end, transcript
    assert words in transcript.detail
    assert transcript.wall_seconds < 4


def test_a_recursion_bomb_hurts_only_itself(run: Run) -> None:
    source = "import sys\ndef f():\n    sys.setrecursionlimit(10**9)\n    def g(*a): return sorted([1], key=g)\n    g()"
    transcript = run(source)
    assert transcript.end == "crashed" or raised(transcript).exception == "RecursionError"


def test_sleeping_uses_up_the_wall_time() -> None:
    with Box(Limits(1.0, 0.5)) as quick:
        transcript = quick.run(program("import time\ndef f(): time.sleep(100)"), [Invocation("f", ())])
    assert (transcript.end, transcript.detail, transcript.replies) == ("timeout", "it was not done after 0.5 s", (None,))


def test_what_was_answered_before_the_end_still_counts(run: Run) -> None:
    transcript = run("import os\nn = 0\ndef f():\n    global n\n    n += 1\n    if n == 3: os._exit(0)\n    return n", calls=4)
    assert [reply.value.tolist() if isinstance(reply, Returned) else reply for reply in transcript.replies] == [1, 2, None, None]  # type: ignore[union-attr]
    assert transcript.end == "crashed"


def test_a_forged_answer_is_found_out_when_the_true_one_follows(run: Run) -> None:
    source = """
import os, struct, json
def f():
    text = json.dumps({"number": 1, "returned": {"opaque": "x"}, "changed": []}).encode()
    os.write(3, struct.pack("<IQ", len(text), 0) + text)
    return 1.0
"""
    transcript = run(source)
    assert transcript.end == "crashed"
    assert "protocol" in transcript.detail


HARMLESS = [
    (
        "threads that never end",
        (
            "import threading, time\ndef f():\n"
            "    for _ in range(5): threading.Thread(target=time.sleep, args=(99,)).start()\n    return 1.0"
        ),
    ),
    (
        "work in threads",
        (
            "from concurrent.futures import ThreadPoolExecutor\ndef f():\n"
            "    with ThreadPoolExecutor(4) as p: return sum(p.map(float, [1]))"
        ),
    ),
    ("trace and profile", "import sys\ndef f():\n    sys.settrace(print); sys.setprofile(lambda *a: None)\n    return 1.0"),
    ("a tiny recursion limit", "import sys\ndef f():\n    sys.setrecursionlimit(30)\n    return 1.0"),
    ("exit handlers", "import atexit, time\ndef f():\n    atexit.register(time.sleep, 99)\n    return 1.0"),
    (
        "closed streams",
        "import sys, os\ndef f():\n    print('x'); sys.stdout.close(); sys.stderr.close(); os.close(0)\n    return 1.0",
    ),
    ("patched numpy", "import numpy as np\ndef f():\n    np.array = np.asarray = np.errstate = None\n    return 1.0"),
    (
        "strict warnings",
        "import warnings, numpy as np\ndef f():\n    warnings.simplefilter('error'); np.seterr(all='raise')\n    return 1.0",
    ),
    ("a fork bomb", "import os\ndef f():\n    try:\n        while True: os.fork()\n    except OSError: return 1.0"),
    ("a name of ours", "def call(*a): 1 / 0\nReplies = json = settle = None\ndef f(): return 1.0"),
]


@pytest.mark.parametrize("source", [row[1] for row in HARMLESS], ids=[row[0] for row in HARMLESS])
def test_what_may_look_bad_does_no_harm(run: Run, source: str) -> None:
    transcript = run(source)
    assert value(transcript) == 1.0
    assert (transcript.end, transcript.load) == ("finished", ())


# --- what student code finds around it --------------------------------------------------------------------------------

NOTEBOOK = [
    "from __future__ import annotations\ndef f(x: nope = 1.0) -> nope: return x",
    "get_ipython().run_line_magic('matplotlib', 'inline')\ndisplay(1)\ndef f(): return 1.0",
    (
        "import matplotlib.pyplot as plt, matplotlib\nfrom matplotlib import cm\nfrom IPython.display import Image, display\n"
        "figure, (a, b) = plt.subplots(1, 2)\n"
        "with plt.style.context('x') as c:\n    a[0].plot([1], c=cm.viridis).set(title='x')\n"
        "for line in a.lines: line.remove()\nassert len([*a.lines]) == 64\nfirst, *rest = plt.hist([1])\n"
        "plt.rcParams['x'] = 1\nmatplotlib.use('Agg')\ndef f():\n    plt.show()\n    return 1.0"
    ),
    "from google.colab import drive\ndrive.mount('/content')\ndef f(): return 1.0",
    (
        "from dataclasses import dataclass\nfrom typing import NamedTuple\n@dataclass\nclass A:\n    x: float = 1.0\n"
        "class B(NamedTuple):\n    a: A\ndef f(): return B(A()).a.x"
    ),
    "import enum, pickle\nclass C(enum.Enum):\n    A = 1\ndef f(): return float(pickle.loads(pickle.dumps(C.A)).value)",
    "def f():\n    from scipy.special import softmax\n    return softmax([0.0])[0]",
    "import numpy as np\ndef f(): return np.linalg.norm(np.linalg.svd(np.eye(3))[0][0]) * np.einsum('i,i', [1.0], [1.0])",
    "import numpy as np\ndef f(): return float(len({np.random.rand(), np.random.default_rng().random()}) / 2)",
    (
        "import math, functools, itertools, collections, time, datetime, logging, json, statistics, inspect, copy, uuid\n"
        "logging.warning('x')\ndef f(): return math.sqrt(1)"
    ),
    "def f():\n    größe = 1.0\n    return größe",
    "def f(): return float(__name__ == '__main__' and f.__module__ in __import__('sys').modules)",
]


@pytest.mark.parametrize("source", NOTEBOOK, ids=[source[:40] for source in NOTEBOOK])
def test_what_notebooks_use_is_there(run: Run, source: str) -> None:
    transcript = run(source)
    assert (transcript.end, transcript.load) == ("finished", ())
    assert value(transcript) == 1.0


def test_random_numbers_differ_between_runs(run: Run) -> None:
    source = "import numpy as np, random\ndef f(): return [np.random.rand(), random.random()]"
    first, second = value(run(source)), value(run(source))
    assert not np.any(first == second)


def test_one_run_leaves_nothing_for_the_next(run: Run) -> None:
    run("import numpy as np, builtins\nnp.ones = builtins.len = None\nbuiltins.seen = seen = 1\ndef f(): return 1")
    assert value(run("import numpy as np\ndef f(): return [len(np.ones(3)), int('seen' in dir(__builtins__))]")).tolist() == [
        3,
        0,
    ]


def test_there_is_nothing_to_find_around_student_code(run: Run, shared_box: Box) -> None:
    os.environ["GRADER_TEST_SECRET"] = "s3cret"
    source = """
import gc, os, sys
def f():
    seen = str(dict(os.environ)) + str(sys.argv) + str(sys.path) + str(sys.orig_argv) + os.getcwd() + str(list(sys.modules))
    seen += str([o for o in gc.get_objects() if type(o) is str])
    fds = []
    for fd in range(300):
        try: fds.append(os.fstat(fd) and fd)
        except OSError: pass
    return [int("s3cret" in seen), int("grader." in seen), *fds]
"""
    try:
        shared_box.close()
        assert value(run(source)).tolist() == [0, 0, 0, 1, 2, 3]
    finally:
        del os.environ["GRADER_TEST_SECRET"]


OURS = """
import sys, matplotlib
def f():
    found = 0
    for name in ("answering", "inside", "grader", "job"):
        try: __import__(name); found += 1
        except ImportError: pass
    modules = [m for m in list(sys.modules.values()) if "run_child" in dir(m) or "Walls" in dir(m)]
    files = [m for m in list(sys.modules.values()) if str(getattr(m, "__file__", "")).endswith(("answering.py", "inside.py"))]
    mine = sys.modules[type(matplotlib).__module__].__dict__ is sys.modules[exit.__module__].__dict__ is globals()
    return [found, len(modules), len(files), int(mine)]
"""


def test_no_name_leads_to_the_files_of_ours_that_run_beside_student_code(run: Run) -> None:
    assert value(run(OURS)).tolist() == [0, 0, 0, 1]


def test_no_file_of_the_project_can_be_read(run: Run) -> None:
    here = str(Path(__file__).resolve())
    source = f"import os\ndef f():\n    try: return len(open({here!r}).read())\n    except OSError: return -1"
    assert value(run(source)) == -1


def test_nothing_leaves_over_the_network(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        port = listener.getsockname()[1]
        source = (
            f"import socket\ndef f():\n    try: socket.create_connection(('127.0.0.1', {port}), 1)\n    except OSError: return -1"
        )
        assert value(run(source)) == -1
        with pytest.raises(TimeoutError):
            listener.accept()


# --- the box itself ---------------------------------------------------------------------------------------------------


def test_layers_are_named(shared_box: Box) -> None:
    shared_box.start()
    assert {"seccomp", "rlimits"} <= set(shared_box.layers)
    assert not {layer.split("-")[0] for layer in shared_box.layers} & set(shared_box.missing)
    assert shared_box.run(program("f = int"), [Invocation("f", ())]).layers == shared_box.layers


def test_a_box_whose_interpreter_dies_between_runs_starts_another() -> None:
    with Box(LIMITS, without=["bubblewrap"]) as own:
        own.start()
        assert own._server is not None
        os.kill(own._server.pid, signal.SIGKILL)
        assert value(own.run(program("f = float"), [Invocation("f", ())])) == 0.0


def test_a_box_whose_interpreter_dies_during_a_run_tries_once_more() -> None:
    with Box(LIMITS, without=["bubblewrap"]) as own:
        own.start()
        assert own._server is not None
        slow = program("import time\ndef f(): time.sleep(0.6)\n")
        threading.Timer(0.2, os.kill, (own._server.pid, signal.SIGKILL)).start()
        assert value(own.run(slow, [Invocation("f", ())])) == Opaque("None")


def test_a_stuck_interpreter_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "GRACE_SECONDS", 0.2)
    with Box(Limits(0.2, 0.3), without=["bubblewrap"]) as own:
        own.start()
        original = own.start

        def start_and_stop() -> None:
            original()
            assert own._server is not None
            os.kill(own._server.pid, signal.SIGSTOP)

        monkeypatch.setattr(own, "start", start_and_stop)
        started = time.monotonic()
        with pytest.raises(SandboxError, match="failed twice"):
            own.run(program("f = float"), [Invocation("f", ())])
        assert time.monotonic() - started < 10


def test_an_interpreter_that_cannot_start_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outer, "PACKAGES", ("pyseccomp_that_is_not_there",))
    with pytest.raises(SandboxError, match=r"^The sandbox does not start: ModuleNotFoundError: No module named 'numpy'\.$"):
        Box(LIMITS, without=["bubblewrap"]).start()


def test_a_wall_that_gives_way_stops_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "forbidden_acts_that_worked", lambda *_: ["open a socket"])
    with pytest.raises(SandboxError, match="did not stop an attempt to open a socket"):
        Box(LIMITS, without=["bubblewrap"]).start()


def test_fewer_layers_than_at_first_are_refused() -> None:
    with Box(LIMITS, without=["bubblewrap"]) as own:
        own.layers = ("bubblewrap", "seccomp", "rlimits")
        with pytest.raises(SandboxError, match="had the layers"):
            own.start()


# --- replies ----------------------------------------------------------------------------------------------------------

ERROR = {"exception": "E", "message": "m", "cell": 1, "line": 1, "kind": "error"}
LOAD = {"number": 0, "load": []}
WRONG: list[list[dict[str, Any]]] = [
    [{}],
    [{"number": 1, "raised": ERROR}],
    [{"number": True, "load": []}],
    [{"number": 0, "load": [], "x": 1}],
    [{"number": 0, "load": {}}],
    [{"number": 0, "load": [ERROR] * 51}],
    [{"number": 0, "load": [{**ERROR, "kind": "fine"}]}],
    [{"number": 0, "load": [{**ERROR, "kind": []}]}],
    [{"number": 0, "load": [{**ERROR, "message": None}]}],
    [LOAD, LOAD],
    [LOAD, {"number": 1, "raised": ERROR, "changed": []}],
    [LOAD, {"number": 1, "raised": 3}],
    [LOAD, {"number": 1, "returned": {"opaque": "x"}}],
    [LOAD, {"number": 1, "returned": {"opaque": "x"}, "changed": [-1]}],
    [LOAD, {"number": 1, "returned": {"opaque": "x"}, "changed": [True]}],
    [LOAD, {"number": 1, "raised": ERROR}, {"number": 2, "raised": ERROR}],
]


@pytest.mark.parametrize("frames", WRONG, ids=str)
def test_what_is_not_the_protocol_is_refused(frames: list[dict[str, Any]]) -> None:
    replies = Replies(program("f = 1"), 1, 1)
    *before, last = map(encode, frames)
    replies.feed(b"".join(before))
    with pytest.raises(FrameError):
        replies.feed(last)


def test_replies_may_come_in_any_pieces() -> None:
    replies = Replies(program("f = 1"), 1, 1)
    for byte in encode(LOAD) + encode({"number": 1, "raised": {**ERROR, "line": 99}}):
        replies.feed(bytes([byte]))
    assert replies.complete
    assert replies.all_replies() == (Raised("E", "m", 1, None),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x1b[2Jb\x1b]0;title\x07c\x9b1md", "abcd"),
        ("a\u202eb\u2066c\u200bd\ufeffe", "abcde"),
        ("a\nb\tc\u2028d", "a b c d"),
        ("\x00\x7f\x85\ud800\ue000é × ü", "é × ü"),
        ("x" * 20, "x" * 9 + "…"),
    ],
)
def test_text_is_made_safe_to_show(text: str, expected: str) -> None:
    assert clean(text, 10) == expected
