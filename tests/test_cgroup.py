"""Control groups: where this process may make some, from made-up trees; and joining, killing and removing one for real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from grader.model import Limits
from grader.sandbox import cgroup
from grader.sandbox.cgroup import LEAF, NoGroupError, make_group


def make_tree(folder: Path, *, place: str = "/course", controllers: str = "cpu memory pids", shared: str = "memory pids",
              manager: str = "init", mounted: bool = True) -> Path:
    """A made-up /proc whose process stands in a made-up group; returns it. The tree is in `folder`/tree."""
    proc, group = folder / "proc", folder / "tree" / place.lstrip("/")
    for path in (proc / "self", proc / "1", group):
        path.mkdir(parents=True)
    (proc / "self" / "cgroup").write_text(f"4:memory:/elsewhere\n0::{place}\n", encoding="utf-8")
    mount = f"30 20 0:26 / {folder / 'tree'} rw - cgroup2 none rw\n" if mounted else ""
    (proc / "self" / "mountinfo").write_text(f"20 1 0:20 / / rw - ext4 /dev/a rw\n{mount}", encoding="utf-8")
    (proc / "1" / "comm").write_text(f"{manager}\n", encoding="utf-8")
    base = group.parent if group.name == LEAF else group
    for name, text in {"cgroup.procs": "", "cgroup.controllers": controllers, "cgroup.subtree_control": shared}.items():
        (base / name).write_text(text, encoding="ascii")
    return proc


@pytest.mark.parametrize("place", ["/course", "/", f"/course/{LEAF}"])
def test_a_box_gets_a_group_of_its_own_with_its_limits(tmp_path: Path, place: str) -> None:
    proc = make_tree(tmp_path, place=place)
    group = make_group(Limits(memory_mb=100), proc)
    assert group.layers == ("cgroup-memory", "cgroup-pids")
    assert group.folder.parent == tmp_path / "tree" / place.removesuffix(LEAF).strip("/")
    assert (group.folder / "memory.max").read_text() == str(612 << 20)
    assert (group.folder / "memory.swap.max").read_text() == "0"
    assert (group.folder / "pids.max").read_text() == "160"
    assert make_group(Limits(), proc).folder != group.folder


def test_only_what_is_shared_out_is_limited(tmp_path: Path) -> None:
    group = make_group(Limits(), make_tree(tmp_path, controllers="pids", shared="pids"))
    assert group.layers == ("cgroup-pids",)
    assert [file.name for file in group.folder.iterdir()] == ["pids.max"]


REFUSED = {
    "neither memory nor pids": {"controllers": "cpu hugetlb", "shared": ""},
    "managed by systemd": {"manager": "systemd"},
    "not mounted here": {"mounted": False},
}


@pytest.mark.parametrize("why", REFUSED)
def test_no_group_has_its_reason(tmp_path: Path, why: str) -> None:
    with pytest.raises(NoGroupError, match=why):
        make_group(Limits(), make_tree(tmp_path, **REFUSED[why]))  # type: ignore[arg-type]  # rows of keyword arguments
    assert not list((tmp_path / "tree").rglob("box-*"))


def test_no_proc_means_no_groups(tmp_path: Path) -> None:
    with pytest.raises(NoGroupError, match="no control groups"):
        make_group(Limits(), tmp_path)


def test_groups_of_graders_that_are_gone_are_taken_away(tmp_path: Path) -> None:
    proc = make_tree(tmp_path)
    gone = subprocess.Popen(["true"])
    gone.wait()
    for pid in (gone.pid, os.getpid()):
        (tmp_path / "tree" / "course" / f"box-{pid}-77").mkdir()
    make_group(Limits(), proc)
    assert sorted(path.name.endswith("-77") for path in (tmp_path / "tree" / "course").glob("box-*")) == [False, True]
    assert (tmp_path / "tree" / "course" / f"box-{os.getpid()}-77").is_dir()


def test_what_is_in_a_real_group_is_killed_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With whichever controller this machine has to share out: joining, killing and removing do not depend on it."""
    try:
        own = cgroup._own_group(Path("/proc"))
        offered = (own / "cgroup.controllers").read_text(encoding="ascii").split()
        before = (own / "cgroup.subtree_control").read_text(encoding="ascii").split()
        monkeypatch.setattr(cgroup, "WANTED", tuple(offered[:1]))
        group = make_group(Limits())
    except (NoGroupError, OSError) as reason:
        pytest.skip(f"this machine has no group to make: {reason}")
    try:
        command = [sys.executable, "-c", "import time; time.sleep(60)"]
        sleeper = subprocess.Popen(command, preexec_fn=group.join)  # noqa: PLW1509  as a box is started
        assert (group.folder / "cgroup.procs").read_text(encoding="ascii").split() == [str(sleeper.pid)]
    finally:
        group.remove()
        for name in set(offered[:1]) - set(before):
            (own / "cgroup.subtree_control").write_text(f"-{name}", encoding="ascii")
    assert sleeper.wait(10) == -signal.SIGKILL
    assert not group.folder.exists()
