"""Fixtures that are dear: one assignment, one plan and one box for the whole run."""

from __future__ import annotations

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # before numpy: workers are forked
    os.environ.setdefault(variable, "1")
os.environ.setdefault("SOURCE_DATE_EPOCH", "1767225600")  # one time for all runs, whose bytes are compared

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.assignment import Assignment, load_assignment
from grader.model import Graded
from grader.pipeline import Course, grade, open_box, prepare
from grader.sandbox import Box
from tests.hostile_text import write_class
from tests.support import ROOT, submission


@pytest.fixture(scope="session")
def attention() -> Assignment:
    return load_assignment(ROOT / "reference" / "attention")


@pytest.fixture(scope="session")
def course(attention: Assignment) -> Course:
    return prepare(attention, "tests")


@pytest.fixture(scope="session")
def box(attention: Assignment) -> Iterator[Box]:
    with open_box(attention) as opened:
        yield opened


@pytest.fixture
def grade_bytes(course: Course, box: Box, tmp_path: Path) -> Callable[[bytes], Graded]:
    """Grade a notebook given as bytes."""
    return lambda content: grade(submission(tmp_path, content), course, box)


@pytest.fixture(scope="session")
def hostile_class(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `grader grade` writes for a class of attackers; what it printed is in `printed`."""
    folder = tmp_path_factory.mktemp("hostile")
    count = write_class(folder / "class")
    run = subprocess.run(
        [sys.executable, "-m", "grader", "grade", str(folder / "class"), "--out", str(folder / "out")],
        capture_output=True, cwd=ROOT, timeout=300, env={**os.environ, "GRADER_SEED": "tests", "COLUMNS": "100"}, check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == b""
    assert len(list((folder / "out" / "feedback").iterdir())) == count
    (folder / "out" / "printed").write_bytes(run.stdout)
    return folder / "out"
