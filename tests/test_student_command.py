"""What a student meets on the first evening: setting up, and a command on the wrong notebook."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from grader.student import set_up
from grader.student.command import _say_when, _tell
from grader.student.public import _rounded
from grader.student.set_up import SetUpError, find_python
from grader.student.words import ENGLISH


def ready_folder(folder: Path, asked: str) -> Path:
    """A folder that looks like a virtual environment in which `asked` was installed."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    python.parent.mkdir(parents=True)
    python.touch()
    (folder / set_up.READY).write_text(asked, encoding="utf-8")
    return python


def test_what_is_set_up_is_taken_as_it_is(tmp_path: Path) -> None:
    python = ready_folder(tmp_path / "venv", "numpy\nscipy")
    assert find_python(tmp_path / "venv", ["numpy", "scipy"], pytest.fail) == python


@pytest.mark.parametrize("asked", ["", "numpy"])
def test_what_was_set_up_for_less_is_set_up_anew(tmp_path: Path, asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ready_folder(tmp_path / "venv", asked)
    made: list[object] = []
    monkeypatch.setattr(set_up, "_set_up", lambda *told: made.append(told))
    find_python(tmp_path / "venv", ["numpy", "scipy"], lambda _: None)
    assert made


FAULTS: dict[str, tuple[BaseException, str]] = {
    "read-only": (PermissionError(13, "Permission denied"), "could not be written (Permission denied). Unpack the zip in a folder"),
    "no ensurepip": (subprocess.CalledProcessError(1, "ensurepip"), "sudo apt install python3-venv"),
    "Ctrl-C": (KeyboardInterrupt(), "was stopped. Run the self-check again"),
}


@pytest.mark.parametrize(("fault", "said"), FAULTS.values(), ids=FAULTS)
def test_a_set_up_that_fails_says_what_to_do(
    tmp_path: Path, fault: BaseException, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("venv.create", create)
    with pytest.raises(SetUpError) as caught:
        find_python(tmp_path / "venv", ["numpy"], lambda _: None)
    assert said in str(caught.value)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_passed_and_failed_are_told_apart_in_any_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w", encoding=encoding, errors="replace") as out:
        monkeypatch.setattr(sys, "stdout", out)
        _tell("✓ one\n✗ other\n– last")
        monkeypatch.undo()
    lines = (tmp_path / "out").read_text(encoding=encoding).splitlines()
    assert len({line[0] for line in lines}) == 3
    assert "?" not in "".join(lines)


def test_a_file_as_old_as_the_zip_is_said_to_be_as_handed_out() -> None:
    assert _say_when("a.ipynb", 46 * 365 * 86400.0, ENGLISH) == "a.ipynb, as handed out"
    assert _say_when("a.ipynb", 60.0, ENGLISH) == "a.ipynb, as saved 60 s ago"


def test_expected_numbers_do_not_tell_processors_apart() -> None:
    one, other = np.array([[-0.6983593149151099, 2.0325485302598567]]), np.array([[-0.6983593149151098, 2.0325485302598523]])
    assert (one != other).all()
    assert np.array_equal(_rounded(one), _rounded(other))
    assert np.allclose(_rounded(one), one, rtol=1e-11)
