"""`run_here` tells of a program what the box tells, as far as a plain process can; and what a self-check needs is on every system."""

from __future__ import annotations

import ast
import contextlib
import os
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from grader.assignment import Assignment
from grader.model import Invocation, Items, Limits, Opaque, Program, ProgramCell, Raised, Returned, Transcript, Tree
from grader.release import MODULES, build_selfcheck
from grader.sandbox import Box
from grader.student import command, set_up
from grader.student.run_here import run_here
from grader.student.set_up import NEEDED, SetUpError, find_python
from grader.student.watch import saves
from tests.support import MULTI_HEAD, ROOT, STUB, solved

LIMITS = Limits(cpu_seconds=1.0, wall_seconds=1.5, memory_mb=512, output_mb=4)
INERT = ("matplotlib", "torch")


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with Box(LIMITS, INERT) as opened:
        yield opened


def program(source: str) -> Program:
    body = range(len(ast.parse(source).body))
    return Program("f", (ProgramCell(7, source, tuple(body), tuple(range(1, source.count("\n") + 2))),))


CALLS = [Invocation("f", (np.arange(6.0).reshape(2, 3), 2)), Invocation("f", (np.ones((1, 1)), -1))]


def told(transcript: Transcript) -> object:
    """All that must be the same wherever a program runs."""
    return transcript.end, [_told(one) for one in transcript.load], [_told(one) for one in transcript.replies]


def _told(reply: Returned | Raised | None) -> object:
    return (_shape(reply.value), reply.changed) if isinstance(reply, Returned) else reply


def _shape(value: Tree) -> object:
    if isinstance(value, Items):
        return value.kind, [_shape(item) for item in value.items]
    return value.description if isinstance(value, Opaque) else (str(value.dtype), value.shape, value.tolist())


# --- as in the box ----------------------------------------------------------------------------------------------------

ALIKE = {
    "a right function": "def f(X, n): return X @ X.T, n",
    "nothing": "def f(X, n): pass",
    "a dict": "def f(X, n): return {'a': X}",
    "a generator": "def f(X, n): yield X",
    "a coroutine": "async def f(X, n): return X",
    "an object array": "def f(X, n): return np.array([X, None], dtype=object)",
    "a huge list": "def f(X, n): return [0.5] * 5_000_000",
    "a huge array": "def f(X, n): return np.zeros(10**6)",
    "nested in itself": "a = []\na.append(a)\ndef f(X, n): return a",
    "text": "def f(X, n): return '\\ud800\\x00'",
    "changes its arguments": "def f(X, n):\n    X[0] = 7\n    return X",
    "remembers": "calls = []\ndef f(X, n):\n    calls.append(n)\n    return len(calls)",
    "prints a lot": "import sys\nfor i in range(20000): print('load' * 10)\ndef f(X, n):\n    print('x' * 10**6); sys.stderr.write('y' * 10**6)\n    return X",
    "asks": "def f(X, n): return input('?')",
    "asks at load": "a = input('?')\ndef f(X, n): return a",
    "exits in the function": "import sys\ndef f(X, n): sys.exit(3)",
    "exits at load": "import sys\nsys.exit(3)\ndef f(X, n): return n",
    "quits": "quit()\ndef f(X, n): exit()",
    "leaves": "import os\ndef f(X, n):\n    if n < 0: os._exit(0)\n    return X",
    "leaves at load": "import os\nos._exit(3)\ndef f(X, n): return X",
    "kills itself": "import os\ndef f(X, n): os.kill(os.getpid(), 9)",
    "an endless loop": "def f(X, n):\n    while n < 0: pass\n    return X",
    "an endless loop at load": "while True: pass\ndef f(X, n): return X",
    "swallows everything": "def f(X, n):\n    while True:\n        try: sum(range(1000))\n        except BaseException: pass",
    "recursion": "def f(X, n): return f(X, n)",
    "a recursion limit": "import sys\nsys.setrecursionlimit(10**6)\ndef g(n): return n and g(n - 1)\ndef f(X, n): return g(5000)",
    "another folder": "import os\ndef f(X, n):\n    os.chdir('/')\n    return X",
    "plots": "import matplotlib.pyplot as plt\ndef f(X, n):\n    fig, ax = plt.subplots()\n    ax.plot(X); plt.show()\n    return X",
    "forbidden module": "import torch\ndef f(X, n): return torch.tensor(X)",
    "no such module": "import nosuch, math\ndef f(X, n): return math.pi",
    "no such name": "def f(X, n): return nosuch",
    "no function": "g = 1",
    "not a function": "f = 3",
    "an odd exception": "class Odd(Exception):\n    def __str__(self): raise self\ndef f(X, n): raise Odd()",
    "an exception's odd class": "class M(type):\n    __name__ = property(lambda s: 1 / 0)\nclass Odd(Exception, metaclass=M): pass\ndef f(X, n): raise Odd('x')",
    "a hostile message": "def f(X, n): raise ValueError('\\x1b[31m\\x00<b>' + 'x' * 9999)",
    "an exception that is no Exception": "def f(X, n): raise KeyboardInterrupt",
    "a group": "def f(X, n): raise ExceptionGroup('g', [ValueError('x')])",
    "a result that raises": "class R:\n    def __array__(self, *a, **k): raise SystemExit\ndef f(X, n): return R()",
    "warnings": "import warnings\nwarnings.warn('w')\ndef f(X, n): return np.log(X * 0)",
    "tracing": "import sys\nsys.settrace(lambda *a: None)\ndef f(X, n): return X",
    "other streams": "import sys\nsys.stdout = sys.stderr = sys.stdin = None\ndef f(X, n):\n    print(1)\n    return X",
    "no builtins": "import builtins\nfor name in ('len', 'print', 'open', 'isinstance', 'type'): delattr(builtins, name)\ndef f(X, n): return X",
    "a broken numpy": "np.asarray = np.array = np.ndarray = None\ndef f(X, n): return X",
    "a thread that stays": "import threading, time\nthreading.Thread(target=lambda: time.sleep(60), daemon=True).start()\ndef f(X, n): return X",
    "annotations": "def f(X: nosuch.Array, n: 'int') -> torch.Tensor: return X",
}


@pytest.mark.parametrize("name", ALIKE)
def test_a_plain_process_tells_what_the_box_tells(box: Box, name: str) -> None:
    one = program(f"import numpy as np\n{ALIKE[name]}")
    assert told(run_here(one, CALLS, LIMITS, INERT)) == told(box.run(one, CALLS))


# --- what no wall stops here ------------------------------------------------------------------------------------------

FOUND = "import os\nfds = [fd for fd in range(3, 64) if os.path.exists(f'/proc/self/fd/{fd}')]\n"
CRASHES = {
    "closes what it finds": "import os\nfor fd in range(10):\n    try: os.close(fd)\n    except OSError: pass\ndef f(X, n): return X",
    "closes all in the function": "import os\ndef f(X, n):\n    os.closerange(0, 64)\n    return X",
    "garbage at load": FOUND + "for fd in fds:\n    try: os.write(fd, b'garbage' * 99)\n    except OSError: pass\ndef f(X, n): return X",
    "garbage in the function": FOUND + "def f(X, n):\n    for fd in fds:\n        try: os.write(fd, b'\\0' * 12)\n        except OSError: pass\n    return X",
    "a huge header": FOUND + "def f(X, n):\n    for fd in fds:\n        try: os.write(fd, b'\\xff' * 12)\n        except OSError: pass",
    "garbage without end": FOUND + "def f(X, n):\n    while True:\n        for fd in fds:\n            try: os.write(fd, b'\\xff' * 65536)\n            except OSError: pass",
    "no memory of its own": "import ctypes\ndef f(X, n): ctypes.string_at(0)",
}


@pytest.mark.parametrize("name", CRASHES)
def test_a_program_that_breaks_the_conversation_has_crashed(name: str) -> None:
    began = time.monotonic()
    transcript = run_here(program(CRASHES[name]), CALLS, LIMITS, INERT)
    assert transcript.end == "crashed", transcript
    assert "broke the reply protocol" in transcript.detail or "exit status" in transcript.detail
    assert len(transcript.replies) == len(CALLS)
    assert time.monotonic() - began < 10


OUTLIVES = {
    "a process": "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(8)'])",
    "a process that holds every pipe": "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(8)'], close_fds=False, "
                                       "pass_fds=[fd for fd in range(3, 64) if os.path.exists(f'/proc/self/fd/{fd}')])",
    "a fork": "os.fork() or time.sleep(8)",
}


@pytest.mark.parametrize("name", OUTLIVES)
def test_what_outlives_a_program_is_not_waited_for(name: str) -> None:
    source = f"import os, subprocess, sys, time\nif True: {OUTLIVES[name]}\ndef f(X, n): return X"
    began = time.monotonic()
    transcript = run_here(program(source), CALLS, LIMITS, INERT)
    assert time.monotonic() - began < 6
    assert transcript.end == "finished", transcript
    assert [isinstance(reply, Returned) for reply in transcript.replies] == [True, True]


def test_a_thread_that_python_would_wait_for_ends_with_the_time() -> None:
    source = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\ndef f(X, n): return X"
    began = time.monotonic()
    transcript = run_here(program(source), CALLS, LIMITS, INERT)
    assert time.monotonic() - began < 6
    assert [isinstance(reply, Returned) for reply in transcript.replies] == [True, True]
    assert transcript.end == "finished"


def test_nothing_is_left_in_the_folder_of_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    source = "open('left', 'w').close()\nimport os\nwhere = os.getcwd()\ndef f(X, n): raise ValueError(where)"
    transcript = run_here(program(source), CALLS[:1], LIMITS, INERT)
    (reply,) = transcript.replies
    assert isinstance(reply, Raised)
    assert reply.message.startswith(str(tmp_path / "selfcheck-"))
    assert list(tmp_path.iterdir()) == []


# --- every system -----------------------------------------------------------------------------------------------------

LINUX_ONLY = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "crypt", "spwd", "syslog", "posix", "readline", "curses",
              "nis", "ossaudiodev", "pyseccomp")
NOT_EVERYWHERE = {
    "os": {"fork", "forkpty", "getuid", "geteuid", "getgid", "setuid", "killpg", "setsid", "getpgid", "uname", "mkfifo", "pipe2", "memfd_create",
           "sched_getaffinity", "wait4", "WIFEXITED", "O_CLOEXEC", "O_NOFOLLOW", "O_DIRECTORY", "O_PATH", "pread", "chown", "fchmod"},
    "select": {"poll", "epoll", "kqueue"},
    "signal": {"SIGALRM", "SIGKILL", "SIGHUP", "SIGCHLD", "SIGUSR1", "alarm", "setitimer", "pthread_sigmask", "sigwait"},
    "socket": {"AF_UNIX", "recv_fds", "send_fds"},
    "time": {"tzset", "clock_gettime"},
}


def linux_only(source: str) -> list[str]:
    """What a module uses that Windows lacks."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.partition(".")[0] in LINUX_ONLY]
        elif isinstance(node, ast.ImportFrom):
            found += [str(node.module)] * (str(node.module).partition(".")[0] in LINUX_ONLY)
            found += [alias.name for alias in node.names if alias.name in NOT_EVERYWHERE.get(str(node.module), ())]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found += [node.attr] * (node.attr in NOT_EVERYWHERE.get(node.value.id, ()))
    return found


@pytest.mark.parametrize("module", [*MODULES, "grader.student.start"])
def test_what_students_get_uses_nothing_that_windows_lacks(module: str) -> None:
    path = ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    assert linux_only(file.read_text(encoding="utf-8")) == []


def test_what_windows_lacks_is_seen() -> None:
    assert linux_only((ROOT / "grader" / "sandbox" / "inside.py").read_text(encoding="utf-8"))
    assert linux_only("import fcntl\nfrom os import fork\nimport signal\nsignal.alarm(1)") == ["fcntl", "fork", "alarm"]


KEPT = ("fork", "O_CLOEXEC", "O_NOFOLLOW", "WIFEXITED", "SIGKILL")
"""What Python's own subprocess needs on this system; it has another half for Windows."""
ELSEWHERE = f"""
import sys, os, runpy
import IPython, nbconvert, nbformat, numpy  # others' packages may know better ways where there are some
for name in {LINUX_ONLY}:
    if name != "posix": sys.modules[name] = None
for module, names in {NOT_EVERYWHERE}.items():
    module = __import__(module)
    for name in names - set({KEPT}):
        if hasattr(module, name): delattr(module, name)
sys.argv[:] = sys.argv[1:]
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize(("content", "status", "words"), [
    (solved(), 0, "All public checks pass."),
    (solved(first=STUB), 1, "(a) Self-attention: missing"),
    (solved(second=MULTI_HEAD.replace("np.array(weights)", "sum(weights)")), 1, "(b) Multi-head attention: incorrect"),
    (solved(first="def self_attention(*given):\n    import os\n    os._exit(1)"), 1, "(a) Self-attention: crashed"),
])
def test_the_self_check_works_where_linux_s_own_modules_are_not(
    attention: Assignment, tmp_path: Path, content: bytes, status: int, words: str
) -> None:
    script = tmp_path / "selfcheck.py"
    script.write_text(build_selfcheck(attention), encoding="utf-8")
    (tmp_path / "attention.ipynb").write_bytes(content)
    run = subprocess.run([sys.executable, "-c", ELSEWHERE, str(script)], cwd=tmp_path, capture_output=True, text=True,
                         encoding="utf-8", timeout=60, check=False, env={**os.environ, "PYTHONUTF8": "1"})
    assert run.stderr == ""
    assert run.returncode == status, run.stdout
    assert words in run.stdout


# --- setting up -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("system", "python"), [("posix", "bin/python"), ("nt", "Scripts/python.exe")])
def test_a_python_that_is_ready_is_found_at_its_place_on_each_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, python: str
) -> None:
    class System:
        name = system

    (tmp_path / python).parent.mkdir()
    (tmp_path / python).touch()
    (tmp_path / set_up.READY).touch()
    monkeypatch.setattr(set_up, "os", System)
    said: list[object] = []
    assert find_python(tmp_path, (), said.append) == tmp_path / python
    assert said == []


Done = subprocess.CompletedProcess[str]
TROUBLES: dict[str, tuple[BaseException | None, Done | BaseException, str]] = {
    "no venv": (subprocess.CalledProcessError(1, "ensurepip"), Done([], 0), "sudo apt install python3-venv"),
    "a full disk": (OSError(28, "No space left on device"), Done([], 0), "No space left on device"),
    "no network": (None, Done([], 1, "", "noise\nERROR: No matching distribution found"), "No matching distribution found. Is there a connection"),
    "pip is silent": (None, Done([], 1, "", ""), "it did not say why"),
    "pip cannot be started": (None, OSError(13, "Permission denied"), "Permission denied"),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_what_keeps_it_from_setting_up_is_told_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    making, installing, words = TROUBLES[name]

    def answer(result: object) -> object:
        if isinstance(result, BaseException):
            raise result
        return result

    monkeypatch.setattr(venv, "create", lambda *_, **__: answer(making))
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer(installing))
    with pytest.raises(SetUpError) as caught:
        find_python(tmp_path, ("numpy",), lambda _: None)
    assert words in str(caught.value)
    assert not (tmp_path / set_up.READY).exists()


def test_where_all_is_there_nothing_is_set_up() -> None:
    assert set_up.has_all()
    assert not set_up.has_all((*NEEDED, "no_such_module"))


# --- watching ---------------------------------------------------------------------------------------------------------


def test_each_save_is_told_once_whatever_editors_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens to the file while the watcher sleeps; `told` is when it fires."""
    file, other = tmp_path / "a.ipynb", tmp_path / "b"
    file.write_bytes(b"one")

    def replaced() -> None:
        other.write_bytes(b"three")
        other.replace(file)

    steps = [
        ("read", file.read_bytes, False), ("nothing", lambda: None, False),
        ("saved", lambda: file.write_bytes(b"two!"), True), ("nothing", lambda: None, False),
        ("replaced", replaced, True), ("gone", file.unlink, False), ("gone still", lambda: None, False),
        ("back", lambda: file.write_bytes(b"three and more"), True), ("same size", lambda: _save_later(file), True),
        ("touched only by a reader", lambda: os.utime(file, ns=(1, file.stat().st_mtime_ns)), False),
        ("a folder's entry", lambda: other.write_bytes(b""), False), ("saved again", lambda: file.write_bytes(b"end"), True),
    ]
    waiting, fired = iter(steps), list[str]()
    monkeypatch.setattr("time.sleep", lambda _: _next(waiting, fired))
    with contextlib.suppress(_Over):
        for _ in saves(file):
            fired += ["told"]
    told_after = [name for name, follower in zip(fired, [*fired[1:], ""], strict=True) if follower == "told" and name != "told"]
    assert fired[0] == "told"  # once at the start
    assert told_after == [name for name, _, tells in steps if tells]
    assert fired.count("told") == 1 + sum(tells for _, _, tells in steps)


class _Over(Exception):  # noqa: N818  it is no error
    pass


def _next(waiting: Iterator[tuple[str, object, bool]], fired: list[str]) -> None:
    for name, act, _ in waiting:
        fired.append(name)
        assert callable(act)
        act()
        return
    raise _Over


def _save_later(file: Path) -> None:
    """The same number of other bytes, a moment later."""
    file.write_bytes(file.read_bytes().swapcase())
    os.utime(file, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns + 10_000_000))


def test_the_folder_for_what_is_remembered_is_named_once() -> None:
    assert command.HIDDEN == ".selfcheck"
