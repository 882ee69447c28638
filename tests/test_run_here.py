"""A plain process against the box: the same programs, the same answers; and what it needs, held against what Windows lacks."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.errors import SandboxError
from grader.model import Argument, Invocation, Items, Limits, Opaque, Raised, Reply, Returned, Transcript, Tree
from grader.sandbox import Box
from grader.student import run_here as module
from grader.student.run_here import answering_source, run_here
from tests.support import ROOT
from tests.test_sandbox import ARRAYS, HARMLESS, INERT, NOTEBOOK, POSITIONS, SCAN, SWALLOW, program

LIMITS = Limits(cpu_seconds=1.0, wall_seconds=6.0, memory_mb=512, output_mb=4)
SHORT = Limits(cpu_seconds=0.5, wall_seconds=0.8, memory_mb=512, output_mb=4)


@pytest.fixture(scope="module")
def walled() -> Iterator[Box]:
    with Box(LIMITS, INERT, without=["bubblewrap"]) as box:
        yield box


def both(walled: Box, source: str, calls: Sequence[Invocation] = (Invocation("f", ()),)) -> tuple[Transcript, Transcript]:
    return run_here(program(source), calls, LIMITS, INERT), walled.run(program(source), calls)


def shown(tree: Tree) -> object:
    """A returned value as something that `==` compares, NaN and dtype too."""
    if isinstance(tree, Items):
        return tree.kind, [shown(item) for item in tree.items]
    return tree if isinstance(tree, Opaque) else (tree.dtype, tree.shape, tree.tobytes())


def said(reply: Reply) -> object:
    return (shown(reply.value), reply.changed) if isinstance(reply, Returned) else reply


def told(transcript: Transcript) -> tuple[object, ...]:
    return transcript.load, [said(reply) for reply in transcript.replies], transcript.end


# --- the same programs ------------------------------------------------------------------------------------------------

DEPTH = """
count = 0
def down():
    global count
    count += 1
    down()
def f():
    try: down()
    except RecursionError: return count
"""
WITHOUT_MEMORY = """
import sys
def f():
    def fail(*_): raise MemoryError
    ours = sys._getframe(1).f_globals
    ours["to_json"] = fail
"""
ODD = {
    "nothing defined": "x = 1",
    "raises at load": "import absent, math\n1 / 0\nraise SystemExit\ndef f(): return math.pi",
    "more errors than are told": "\n".join(["1 / 0"] * 60),
    "no Python": "def f(: return 1",
    "too deep for the parser": "x = " + "(" * 150 + "1" + ")" * 150,
    "sys.exit": "import sys\ndef f(): sys.exit(3)",
    "sys.exit at load": "import sys\nsys.exit(0)\ndef f(): return 1.0",
    "os._exit(0)": "import os\ndef f(): os._exit(0)",
    "os._exit(3) at load": "import os\nos._exit(3)",
    "kills itself": "import os\ndef f(): os.kill(os.getpid(), 9)",
    "abort": "import os\ndef f(): os.abort()",
    "segmentation fault": "import ctypes\ndef f(): ctypes.string_at(0)",
    "endless recursion": "def f(x=0): return f(x + 1)",
    "depth of recursion": DEPTH,
    "input": "def f():\n    return input('a number? ')",
    "reads standard input": "import sys, os\ndef f(): return [float(len(sys.stdin.read())), float(len(os.read(0, 9)))]",
    "prints 100 MB": "import os\ndef f():\n    for _ in range(50): print('x' * 1_000_000); os.write(1, b'x' * 1_000_000)\n    return 1.0",
    "complains of 10 MB": "import sys\ndef f():\n    sys.stderr.write('x' * 10_000_000)\n    return 1.0",
    "prints what is no text": "def f():\n    print('\\ud800é')\n    return 1.0",
    "closes every descriptor": "import os\ndef f():\n    os.closerange(0, 256)\n    return 1.0",
    "closes them at load": "import os\nos.closerange(0, 256)",
    "changes the folder": "import os\ndef f():\n    os.chdir('/')\n    return 1.0",
    "nonsense to every descriptor": SCAN,
    "a flood of nonsense": SCAN.replace("for fd in range(256)", "while True").replace("os.write(fd, ", "os.write(3, 99999 * "),
    "a forged answer": SCAN.replace("dumps({})", "dumps({'number': 1, 'returned': {'opaque': 'x'}, 'changed': []})"),
    "no memory for the answer": WITHOUT_MEMORY,
    "raises MemoryError": "def f(): raise MemoryError",
    "more than may be answered": "import numpy as np\ndef f(): return np.zeros(1_000_000)",
    "asks for help": "def f(): return help",
    "where things say they are from": "import matplotlib\ndef f(): return float(type(matplotlib).__module__ == exit.__module__ == f.__module__)",
    "is the main module": "import sys\ndef f(): return float(vars(sys.modules['__main__']) is globals())",
    "imports what runs it": "def f():\n    import answering",
    "arguments of Python": "import sys\ndef f(): return [len(sys.argv), len(sys.argv[0])]",
}
WORDED_OTHERWISE = {
    "abort": "it was killed by signal 6 (aborted)",  # the walls let no process signal itself, so there it fails in another way
    "no memory for the answer": "it ran out of memory",  # here it has no share of its own
}
PROGRAMS = {
    **ODD,
    **{f"raises: {row[0][:40]}": row[0] for row in POSITIONS},
    **{f"a notebook: {source[:40]}": source for source in NOTEBOOK},
    # Where there is no wall, a fork bomb is one.
    **{f"harmless: {name}": source for name, source in HARMLESS if "fork" not in name},
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_does_the_same_here_as_in_the_box(walled: Box, name: str) -> None:
    here, there = both(walled, PROGRAMS[name])
    assert told(here) == told(there)
    assert here.detail == WORDED_OTHERWISE.get(name, there.detail)


def test_every_kind_of_array_comes_back_the_same(walled: Box) -> None:
    source = "import numpy as np\n" + "\n".join(f"def f{n}(): return {row[0]}" for n, row in enumerate(ARRAYS.values()))
    here, there = both(walled, source, [Invocation(f"f{n}", ()) for n in range(len(ARRAYS))])
    assert told(here) == told(there)
    assert all(isinstance(reply, Returned) and isinstance(reply.value, np.ndarray) for reply in here.replies)


def test_arguments_arrive_the_same_and_changes_are_seen(walled: Box) -> None:
    source = "seen = []\ndef f(a, b, n):\n    b += 1\n    seen.append(n)\n    return a * 2, b, seen"
    arguments: tuple[Argument, ...] = (np.arange(500_000.0), np.zeros((2, 3), np.float32), 7)  # more than a pipe holds at once
    here, there = both(walled, source.replace("a * 2", "a[:9] * 2"), [Invocation("f", arguments)] * 3)
    assert told(here) == told(there)
    assert [isinstance(reply, Returned) and reply.changed for reply in here.replies] == [(1,)] * 3


# --- its end ----------------------------------------------------------------------------------------------------------

ENDLESS = {
    "a loop": "def f():\n    while True: pass",
    "a loop at load": "while True: pass",
    "one that swallows all": SWALLOW,
    "sleep": "import time\ndef f(): time.sleep(100)",
    "a loop without descriptors": "import os\ndef f():\n    os.closerange(0, 256)\n    while True: pass",
    "a stop": "import os, signal\ndef f(): os.kill(os.getpid(), signal.SIGSTOP)\ndef note(*_): pass",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_never_ends_is_ended(name: str) -> None:
    started = time.monotonic()
    transcript = run_here(program(ENDLESS[name].replace("os.kill(", "__import__('ctypes').CDLL(None).kill(")), [Invocation("f", ())], SHORT)
    assert (transcript.end, transcript.detail, transcript.replies) == ("timeout", "it was not done after 0.8 s", (None,))
    assert 0.8 <= transcript.wall_seconds < 3
    assert time.monotonic() - started < 20


def test_one_that_breaks_the_protocol_and_goes_on_is_ended_at_once() -> None:
    source = SCAN.replace("return 1.0", "while True: pass")
    transcript = run_here(program(source), [Invocation("f", ())], LIMITS)
    assert (transcript.end, transcript.replies) == ("crashed", (None,))
    assert transcript.detail.startswith("it broke the reply protocol")
    assert transcript.wall_seconds < LIMITS.wall_seconds / 2


def test_what_was_answered_before_the_end_still_counts() -> None:
    source = "n = 0\ndef f():\n    global n\n    n += 1\n    while n > 2: pass\n    return n"
    transcript = run_here(program(source), [Invocation("f", ())] * 4, SHORT)
    assert [said(reply) for reply in transcript.replies] == [*[(shown(np.array(n)), ()) for n in (1, 2)], None, None]


LEFT_BEHIND = """
import os, time
def f():
    if os.fork() == 0:
        {act}
        open({file!r}, "w").write(str(os.getpid()))
        time.sleep(60)
    while not os.path.exists({file!r}): time.sleep(0.01)
    return 1.0
"""


@pytest.mark.parametrize("act", ["pass", "os.setsid()"])
def test_a_process_that_it_leaves_behind_is_not_waited_for(tmp_path: Path, act: str) -> None:
    file = tmp_path / "pid"
    started = time.monotonic()
    transcript = run_here(program(LEFT_BEHIND.format(act=act, file=str(file))), [Invocation("f", ())], LIMITS)
    assert transcript.end == "finished"
    assert transcript.wall_seconds < 4
    assert time.monotonic() - started < 20
    pid = int(file.read_text())
    if act == "pass":
        assert not _runs(pid)
    else:  # it went out of its way to get out of reach
        os.kill(pid, 9)


def _runs(pid: int) -> bool:
    """Whether a process does anything still; nobody may have asked for its status."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def test_who_interrupts_it_leaves_no_process_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    original = module._start

    def note(*arguments: Any) -> subprocess.Popen[bytes]:
        started.append(original(*arguments))
        return started[0]

    monkeypatch.setattr(module, "_start", note)
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        run_here(program(ENDLESS["a loop"]), [Invocation("f", ())], Limits(9.0, 30.0))
    assert [process.returncode for process in started] == [-signal.SIGKILL]


def test_nothing_is_left_in_the_folder_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    transcript = run_here(program("open('made', 'w').close()\nimport os\ndef f(): return len(os.listdir('.'))"), [Invocation("f", ())], LIMITS)
    assert [said(reply) for reply in transcript.replies] == [(shown(np.array(1)), ())]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("binary", "words"), [("/bin/false", "exit status 1"), ("/nowhere/python", "No such file"), ("", "")])
def test_a_python_that_does_not_start_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch, binary: str, words: str) -> None:
    monkeypatch.setattr(sys, "executable", binary)
    with pytest.raises(SandboxError, match=f"^Python does not start here: .*{words}.*\\.$"):
        run_here(program("f = int"), [Invocation("f", ())], LIMITS)


def test_a_python_without_numpy_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START", "import sys\nsys.modules['numpy'] = None\n" + module.START)
    with pytest.raises(SandboxError, match=r"Python does not start here: .*numpy"):
        run_here(program("f = int"), [Invocation("f", ())], LIMITS)


def test_what_others_print_while_python_starts_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START", "print('Welcome!', flush=True)\n" + module.START)
    assert run_here(program("f = float"), [Invocation("f", ())], LIMITS).end == "finished"


# --- what it needs ----------------------------------------------------------------------------------------------------

EVERYWHERE = {
    "__future__", "ast", "builtins", "collections", "contextlib", "dis", "faulthandler", "functools", "importlib", "json", "math", "os", "re", "struct", "sys",
    "types", "typing", "warnings", "numpy",
}
"""What is on Windows and macOS too, in each Python from 3.11 on."""
ONLY_ON_UNIX = ("fcntl", "resource", "pwd", "grp", "termios", "pty", "tty", "syslog", "_posixshmem")
OF_UNIX_IN_OS = (
    "fork", "forkpty", "geteuid", "getuid", "getgid", "setsid", "killpg", "wait4", "pidfd_open", "memfd_create", "setresuid",
)
HIDE = f"""
import ctypes, os, sys
sys.modules.update(dict.fromkeys({ONLY_ON_UNIX}))
for name in {OF_UNIX_IN_OS}:
    if hasattr(os, name): delattr(os, name)
def only_by_name(self, name, *rest, original=ctypes.CDLL.__init__, **more):
    if name is None: raise TypeError("bad argument type for built-in operation")
    original(self, name, *rest, **more)
ctypes.CDLL.__init__ = only_by_name
"""


def test_what_answers_imports_nothing_that_windows_lacks() -> None:
    tree = ast.parse(answering_source())
    assert {type(node) for node in tree.body[1:5]} <= {ast.Import, ast.ImportFrom}
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= EVERYWHERE


def test_what_answers_runs_where_unix_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START", HIDE + module.START)
    source = "import numpy as np\ndef f():\n    try: import resource\n    except ImportError: return np.ones(2)"
    transcript = run_here(program(source), [Invocation("f", ())], LIMITS, INERT)
    assert [said(reply) for reply in transcript.replies] == [(shown(np.ones(2)), ())]
    assert transcript.end == "finished"


IN_MEMORY = """
import importlib.abc, importlib.machinery, sys

class Memory(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    def __init__(self, sources):
        self.sources = sources
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] != "grader": return None
        return importlib.machinery.ModuleSpec(name, self, is_package=name in PACKAGES)
    def is_package(self, name):
        return name in PACKAGES
    def get_source(self, name):
        return self.sources[name]

sys.meta_path.insert(0, Memory(SOURCES))
from grader.model import Invocation, Limits, Program, ProgramCell
from grader.student.run_here import run_here
assert not hasattr(sys.modules["grader.sandbox"], "__file__")
print(run_here(Program("f", (ProgramCell(1, "def f(): return 1.5", (0,), (1,)),)), [Invocation("f", ())], Limits()))
"""


NEEDED = ("grader.errors", "grader.messages", "grader.model", "grader.tensors", "grader.sandbox.answering", "grader.sandbox.job",
          "grader.sandbox.replies", "grader.student.run_here")
PACKAGES = ("grader", "grader.sandbox", "grader.student")

def test_it_runs_from_memory_with_these_modules_alone_where_unix_is_not(tmp_path: Path) -> None:
    specs = {name: importlib.util.find_spec(name) for name in NEEDED}
    files = {name: Path(str(spec.origin)) for name, spec in specs.items() if spec}
    sources = {**dict.fromkeys(PACKAGES, ""), **{name: file.read_text(encoding="utf-8") for name, file in files.items()}}
    script = tmp_path / "bundle.py"
    script.write_text(f"SOURCES = {sources!r}\nPACKAGES = {PACKAGES!r}\n{HIDE}{IN_MEMORY}", encoding="utf-8")
    run = subprocess.run([sys.executable, "-I", str(script)], capture_output=True, text=True, timeout=60, check=False)
    assert run.stderr == ""
    assert "Returned(value=array(1.5), changed=())" in run.stdout
    assert "end='finished'" in run.stdout


def test_it_can_be_imported_with_all_of_the_sandbox_where_unix_is_not() -> None:
    check = "import grader.sandbox.server, grader.student.run_here; print(grader.sandbox.Box.__name__)"
    run = subprocess.run([sys.executable, "-c", HIDE + check], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (run.stdout, run.stderr) == ("Box\n", "")


def test_a_program_without_its_own_source_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWERING", "grader.sandbox.not_there")
    with pytest.raises(SandboxError, match="incomplete"):
        run_here(program("f = int"), [Invocation("f", ())], LIMITS)


def test_a_raised_error_names_the_students_own_line() -> None:
    (reply,) = run_here(program("x = 1", "def f():\n    return 1 / 0"), [Invocation("f", ())], LIMITS).replies
    assert reply == Raised("ZeroDivisionError", "division by zero", 2, 2)


ORPHANED = """
from grader.model import Invocation, Limits, Program, ProgramCell
from grader.student.run_here import run_here
source = "def f():\\n    while True: pass"
cell = ProgramCell(1, source, (0,), (1, 2))
print("started", flush=True)
run_here(Program("f", (cell,)), [Invocation("f", ())], Limits(wall_seconds=1.0), ())
"""


def test_a_loop_ends_by_itself_when_whoever_watched_it_was_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ORPHANED], cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": str(tmp_path)}) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        deadline = time.monotonic() + 20
        while not (children := _children_in(tmp_path)) and time.monotonic() < deadline:
            time.sleep(0.05)
        parent.kill()
    assert children
    while (left := [pid for pid in children if _is_alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == []


def _children_in(folder: Path) -> list[int]:
    """Processes whose working folder is below this one."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and os.readlink(entry / "cwd").startswith(str(folder)):
                found.append(int(entry.name))
    return found


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
