"""What a self-check needs of a machine: nothing that one system alone has, a Python that is set up once, a file that is watched."""

from __future__ import annotations

import ast
import contextlib
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.assignment import Assignment
from grader.extract import convert
from grader.release import MODULES, build_selfcheck, make_public_plan
from grader.student import command, set_up
from grader.student.set_up import NEEDED, SetUpError, find_python
from grader.student.watch import saves
from tests.support import MULTI_HEAD, ROOT, STUB, solved

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
    found, tree = [], ast.parse(source)
    elsewhere = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "sys.platform != 'win32'"]
    guarded = {id(part) for node in elsewhere for statement in node.body for part in ast.walk(statement)}
    for node in (one for one in ast.walk(tree) if id(one) not in guarded):
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


KEPT = ("killpg", "fork", "O_CLOEXEC", "O_NOFOLLOW", "WIFEXITED", "SIGKILL")
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
    script.write_text(build_selfcheck(attention, make_public_plan(attention)), encoding="utf-8")
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
    (tmp_path / set_up.READY).write_text("numpy")
    monkeypatch.setattr(set_up, "os", System)
    said: list[object] = []
    assert find_python(tmp_path, ("numpy",), said.append) == tmp_path / python
    assert said == []


Done = subprocess.CompletedProcess[str]
TROUBLES: dict[str, tuple[BaseException | None, Done | BaseException, str]] = {
    "no venv": (subprocess.CalledProcessError(1, "ensurepip"), Done([], 0), "sudo apt install python3-venv"),
    "a full disk": (OSError(28, "No space left on device"), Done([], 0), "No space left on device"),
    "no network": (None, Done([], 1, "", "noise\nERROR: No matching distribution found"), "No matching distribution found.\nIs there a connection"),
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


def test_an_nbconvert_that_does_not_find_its_templates_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr("jupyter_core.paths.SYSTEM_JUPYTER_PATH", [])
    monkeypatch.setattr("nbconvert.exporters.templateexporter.TemplateExporter.get_prefix_root_dirs", lambda _: [str(tmp_path)])
    convert._exporter.cache_clear()
    assert not convert.can_convert()

    def find(*given: object) -> Path:
        asked.append(given)
        return Path(sys.executable)

    monkeypatch.setattr(command, "find_python", find)
    monkeypatch.setattr(command, "run_again", lambda *_: 7)
    (tmp_path / "attention.ipynb").write_bytes(solved())
    assert command.main([str(tmp_path / "attention.ipynb")], tmp_path / "selfcheck.py", "attention.ipynb", (), lambda: pytest.fail("loaded")) == 7
    assert len(asked) == 1
    monkeypatch.undo()
    convert._exporter.cache_clear()
    assert convert.can_convert()
