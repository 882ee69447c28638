"""Control groups (cgroup v2): limits on a box as a whole, where this process was given a part of the tree to manage.

In: where this process stands in the tree, the assignment's limits. Out: one group for each box, or the reason why there is none.
Other limits count one process; these count all that is in a box together, kernel memory too, and bind root as well.
Source: the kernel's Documentation/admin-guide/cgroup-v2.rst, and systemd's doc/CGROUP_DELEGATION.md.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.model import Limits

LEAF = "grader"  # where this process moves to, since a group that shares out controllers may hold no process itself
WANTED = ("memory", "pids")
WARM_MB = 512  # for the warm interpreter and for bubblewrap
PROCESSES = 160  # the threads that inside.py allows, the warm interpreter, bubblewrap, and some to spare
REMOVE_SECONDS = 2.0
_numbers = itertools.count(1)


class NoGroupError(Exception):
    """There is no group to be had; the text says why."""


@dataclass(frozen=True)
class Group:
    """One box's group. `layers` names what it limits."""

    folder: Path
    layers: tuple[str, ...]

    def join(self) -> None:
        """Move the calling process in; what it starts later is in it from the first."""
        (self.folder / "cgroup.procs").write_text("0", encoding="ascii")

    def remove(self) -> None:
        """Kill all that is in the group and take it away."""
        with contextlib.suppress(OSError):  # Linux 5.14; before it, whoever made the group ends what is in it
            (self.folder / "cgroup.kill").write_text("1", encoding="ascii")
        deadline = time.monotonic() + REMOVE_SECONDS
        while self.folder.is_dir() and time.monotonic() < deadline:
            with contextlib.suppress(OSError):  # busy until the last process in it is gone
                self.folder.rmdir()
                return
            time.sleep(0.005)


def make_group(limits: Limits, proc: Path = Path("/proc")) -> Group:
    """Make a group for one box, with its limits set; raises NoGroupError."""
    base = _managed_group(proc)
    try:
        shared = set((base / "cgroup.subtree_control").read_text(encoding="ascii").split())
        _remove_abandoned(base)
        folder = base / f"box-{os.getpid()}-{next(_numbers)}"
        folder.mkdir()
        return Group(folder, tuple(_limit(folder, shared & set(WANTED), limits)))
    except OSError as error:
        raise NoGroupError(f"{error.filename or base}: {error.strerror}") from None


def _limit(folder: Path, controllers: set[str], limits: Limits) -> Iterator[str]:
    if "memory" in controllers:
        (folder / "memory.max").write_text(str((limits.memory_mb + WARM_MB) << 20), encoding="ascii")
        with contextlib.suppress(OSError):  # a kernel without swap
            (folder / "memory.swap.max").write_text("0", encoding="ascii")
        yield "cgroup-memory"
    if "pids" in controllers:
        (folder / "pids.max").write_text(str(PROCESSES), encoding="ascii")
        yield "cgroup-pids"


def _remove_abandoned(base: Path) -> None:
    """Take away the groups of graders that were killed; one that holds a process stays, since it cannot be removed."""
    for folder in base.glob("box-*-*"):
        if not Path(f"/proc/{folder.name.split('-')[1]}").exists():
            with contextlib.suppress(OSError):
                folder.rmdir()


def _managed_group(proc: Path) -> Path:
    """Return the group whose children are ours to make, with its controllers shared out; raises NoGroupError."""
    own = _own_group(proc)
    base = own.parent if own.name == LEAF else own
    if not os.access(base / "cgroup.subtree_control", os.W_OK) or not os.access(base / "cgroup.procs", os.W_OK):
        raise NoGroupError(f"{base} is not ours to manage")
    if own.name != LEAF and not _is_delegated(own, proc):
        raise NoGroupError(f"{base} is managed by systemd and was not delegated")
    offered = set((base / "cgroup.controllers").read_text(encoding="ascii").split()) & set(WANTED)
    if not offered:
        raise NoGroupError(f"neither memory nor pids can be limited in {base}")
    shared = set((base / "cgroup.subtree_control").read_text(encoding="ascii").split())
    if offered - shared:
        _share_out(base, sorted(offered - shared))
    return base


def _own_group(proc: Path) -> Path:
    """Return the directory of the cgroup v2 group that this process is in."""
    try:
        places = (proc / "self" / "cgroup").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        mounts = (proc / "self" / "mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        raise NoGroupError("there are no control groups here") from None
    inside = next((line[3:] for line in places if line.startswith("0::")), None)
    for line in mounts:  # ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [...] - TYPE ...
        before, _, after = line.partition(" - ")
        if inside is not None and after.startswith("cgroup2 "):
            root, point = before.split(" ")[3:5]
            below = os.path.relpath(inside, root)
            if not below.startswith(".."):
                return Path(os.path.normpath(os.path.join(point, below)))
    raise NoGroupError("cgroup v2 is not mounted here")


def _is_delegated(group: Path, proc: Path) -> bool:
    """Tell whether whoever manages the tree left this group to us: systemd marks it so; without systemd nobody else does."""
    for mark in ("user.delegate", "trusted.delegate"):
        with contextlib.suppress(OSError):
            if os.getxattr(group, mark) == b"1":
                return True
    with contextlib.suppress(OSError):
        return (proc / "1" / "comm").read_text(encoding="utf-8", errors="replace").strip() != "systemd"
    return False


def _share_out(base: Path, controllers: list[str]) -> None:
    """Let the children of `base` be limited: its own processes have to move into a child first."""
    order = " ".join(f"+{name}" for name in controllers)
    try:
        try:
            (base / "cgroup.subtree_control").write_text(order, encoding="ascii")
        except OSError:  # the root of the tree may hold processes; any other group may not
            _move_all(base, base / LEAF)
            (base / "cgroup.subtree_control").write_text(order, encoding="ascii")
    except OSError as error:
        raise NoGroupError(f"{base}: its controllers cannot be shared out ({error.strerror})") from None


def _move_all(base: Path, leaf: Path) -> None:
    leaf.mkdir(exist_ok=True)
    for _ in range(5):  # processes may start others meanwhile
        found = (base / "cgroup.procs").read_text(encoding="ascii").split()
        for process in found:
            with contextlib.suppress(ProcessLookupError):
                (leaf / "cgroup.procs").write_text(process, encoding="ascii")
        if not found:
            return
