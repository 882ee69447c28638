"""The lattice on disk: read back as it was, computed anew when anything about it is wrong, never read for other data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from grader import lattice_cache
from grader.assignment import Assignment
from grader.lattice import Lattice
from grader.lattice_cache import find_lattice
from grader.make_plan import make_plan
from grader.pipeline import Course


def test_what_is_read_is_what_was_computed(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed = find_lattice(course.plan, course.assignment, {"XDG_CACHE_HOME": str(tmp_path)})
    monkeypatch.setattr(lattice_cache, "build_lattice", lambda *_: pytest.fail("computed twice"))
    stored = find_lattice(course.plan, course.assignment, {"XDG_CACHE_HOME": str(tmp_path)})
    for name, laid in computed.items():
        assert stored[name].calls == laid.calls
        for one, other in zip(laid.entries, stored[name].entries, strict=True):
            assert (one.slips, one.on_earlier) == (other.slips, other.on_earlier)
            for answer, again in zip(one.answers, other.answers, strict=True):
                assert (answer is None) == (again is None)
                assert all(np.array_equal(a, b) for a, b in zip(answer or (), again or (), strict=True))
    (file,) = (tmp_path / "grader").iterdir()
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", [b"", b"PK", b"not a zip", b"PK\x05\x06" + bytes(18)])
def test_a_damaged_file_is_computed_anew(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes
) -> None:
    known: Lattice = course.lattice
    monkeypatch.setattr(lattice_cache, "build_lattice", lambda *_: known)
    find_lattice(course.plan, course.assignment, {"XDG_CACHE_HOME": str(tmp_path)})
    (file,) = (tmp_path / "grader").iterdir()
    file.write_bytes(damage)
    assert find_lattice(course.plan, course.assignment, {"XDG_CACHE_HOME": str(tmp_path)}) is known
    assert file.stat().st_size > 1000  # and written again


def test_other_data_is_another_file(attention: Assignment, course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known: Lattice = course.lattice
    monkeypatch.setattr(lattice_cache, "build_lattice", lambda *_: known)
    for seed in ("tests", "another"):
        find_lattice(make_plan(attention, seed), attention, {"XDG_CACHE_HOME": str(tmp_path)})
    assert len(list((tmp_path / "grader").iterdir())) == 2


def test_a_home_that_cannot_be_written_is_no_error(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known: Lattice = course.lattice
    monkeypatch.setattr(lattice_cache, "build_lattice", lambda *_: known)
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert find_lattice(course.plan, course.assignment, {"XDG_CACHE_HOME": str(tmp_path / "file")}) is known
