"""The outer wall: which files the interpreter needs, and the bubblewrap command that shows it those alone.

In: the interpreter that runs the grader. Out: ways to start the warm interpreter, the strongest first. Starts nothing.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

INSIDE = Path(__file__).with_name("inside.py")
BESIDE = Path(__file__).with_name("answering.py")  # inside.py looks for it in its own folder
PACKAGES = ("numpy", "pyseccomp", "scipy")  # scipy may be absent
SYSTEM_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store", "/gnu/store")
LOADER_CACHE = "/etc/ld.so.cache"
PASSED_ON = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # some virtual CPUs need them, or OpenBLAS will not start
ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",  # each arena takes 64 MB of address space, which is what is limited
    **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
}
EMPTY = "/empty"
NOBODY = "65534"
STAGE = "@stage@"
"""In a command, the folder where the files of `staged` stand under their numbers."""
FIRST_UID, UIDS = 61184, 4096  # what systemd keeps for users made up on the spot; inside.py takes its own from there too


@dataclass(frozen=True)
class Interpreter:
    """The Python that student code runs on: its binary, where its packages are, and the trees that it reads."""

    binary: str
    packages: tuple[str, ...]
    trees: tuple[str, ...]


@dataclass(frozen=True)
class Start:
    """One way to start the warm interpreter: the command, the user to be (None: whoever runs the grader), what it amounts to.

    `staged` are trees and files that the command takes from STAGE, since that user may not reach them where they are.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    readable: tuple[str, ...]
    layers: tuple[str, ...] = ()
    uid: int | None = None
    staged: tuple[str, ...] = ()

    @property
    def contained(self) -> bool:
        """Whether bubblewrap is around it."""
        return "bubblewrap" in self.layers


def ways_to_start(bwrap: str | None, ours: Mapping[str, str], uid: int | None) -> list[Start]:
    """Return the ways to try, the strongest first; the last has no outer wall.

    `bwrap`: where bubblewrap is; `ours`: the grader's own environment; `uid`: a user to become, where this process may. As that
    user limits on processes bind, which root's own do not; an interpreter that it cannot reach (in root's home) is staged.
    """
    interpreter = this_interpreter()
    environment = clean_environment(interpreter, ours)
    readable = (*interpreter.trees, LOADER_CACHE)
    users = [(uid, False), (uid, True), (None, False)] if uid is not None else [(None, False)]
    walled = [
        Start(tuple(walled_command(bwrap, interpreter, environment, strict=strict, staged=staged)), environment, readable,
              ("bubblewrap", "uid-drop") if user else ("bubblewrap",), user, shown_files(interpreter) if staged else ())
        for user, staged in users for strict in (True, False)
    ] if bwrap else []
    return [*walled, Start(tuple(plain_command(interpreter)), environment, readable)]


def spare_uid() -> int | None:
    """Return a user id of this process's own to run boxes as; None where it may not change its user."""
    return FIRST_UID + os.getpid() % UIDS if hasattr(os, "geteuid") and os.geteuid() == 0 else None


def this_interpreter() -> Interpreter:
    """Return the interpreter below this virtual environment; no `.pth` file, and so no project, follows it in."""
    binary = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    packages = tuple(dict.fromkeys(filter(None, map(_directory_of, PACKAGES))))
    prefixes = {os.path.realpath(prefix) for prefix in (sys.base_prefix, sys.base_exec_prefix)}
    own = [os.path.join(prefix, name) for prefix in sorted(prefixes) for name in ("lib", "lib64")]
    return Interpreter(binary, packages, _outermost([*own, *SYSTEM_LIBRARIES, *packages]))


def clean_environment(interpreter: Interpreter, ours: Mapping[str, str]) -> dict[str, str]:
    """Return all that the warm interpreter gets of an environment; `ours` may hold secrets."""
    environment = ENVIRONMENT | {name: ours[name] for name in PASSED_ON if name in ours}
    if "LD_LIBRARY_PATH" in ours:  # an interpreter that was moved may find its own libpython in no other way
        environment["LD_LIBRARY_PATH"] = str(Path(interpreter.binary).parent.parent / "lib")
    return environment


def plain_command(interpreter: Interpreter, inside: str = str(INSIDE)) -> list[str]:
    """Return the command that starts the warm interpreter with no outer wall."""
    return [interpreter.binary, "-I", "-S", "-B", "-X", "utf8", inside, *interpreter.packages]


def shown_files(interpreter: Interpreter) -> tuple[str, ...]:
    """Return all that bubblewrap shows, in the order in which it is staged."""
    cache = (LOADER_CACHE,) if os.path.exists(LOADER_CACHE) else ()
    return (*interpreter.trees, interpreter.binary, str(INSIDE), str(BESIDE), *cache)


def walled_command(
    bwrap: str, interpreter: Interpreter, environment: Mapping[str, str], *, strict: bool, staged: bool = False
) -> list[str]:
    """Return the command that starts the warm interpreter inside bubblewrap.

    `strict` also forbids new user namespaces, which bubblewrap can do from 0.8 on; `staged` takes all files from STAGE.
    """
    command = [bwrap, "--unshare-user", "--unshare-all", "--uid", NOBODY, "--gid", NOBODY, "--hostname", "box"]
    command += ["--disable-userns"] if strict else []
    command += ["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
    for name, value in environment.items():
        command += ["--setenv", name, value]
    for number, file in enumerate(shown_files(interpreter)):
        there = f"/{Path(file).name}" if file in (str(INSIDE), str(BESIDE)) else file
        command += ["--ro-bind", f"{STAGE}/{number}" if staged else file, there]
    for link in _links(SYSTEM_LIBRARIES):
        command += ["--symlink", os.readlink(link), link]
    command += ["--dir", EMPTY, "--remount-ro", "/", "--chdir", EMPTY, "--"]
    return command + plain_command(interpreter, "/inside.py")


def _directory_of(package: str) -> str | None:
    """Return the directory from which a package is imported, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    origin = Path(os.path.realpath(spec.origin))
    return str(origin.parent.parent if spec.submodule_search_locations else origin.parent)


def _outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the directories that exist, without those that lie in another one."""
    real = {os.path.realpath(path) for path in paths if os.path.isdir(path)}
    return tuple(sorted(path for path in real if not any(str(parent) in real for parent in Path(path).parents)))


def _links(paths: Iterable[str]) -> list[str]:
    return [path for path in paths if os.path.islink(path)]
