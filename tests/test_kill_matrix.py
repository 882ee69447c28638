"""The matrix of checks and slips: whole for the assignment that ships, and loud where one contradicts itself."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from grader.assignment import load_assignment
from grader.kill_matrix import FORBIDDEN_IMPORT, try_slips
from grader.model import KillMatrix
from grader.pipeline import Course, open_box, prepare
from grader.report import render_matrix
from grader.sandbox import Box
from tests.support import ROOT


@pytest.fixture(scope="module")
def matrix(course: Course, box: Box) -> KillMatrix:
    return try_slips(course, box)


def test_every_slip_is_caught_and_named_and_every_check_catches_something(matrix: KillMatrix) -> None:
    assert matrix.problems() == []


def test_every_slip_of_the_catalogue_has_its_row(course: Course, matrix: KillMatrix) -> None:
    tried = {row.slip for row in matrix.rows}
    assert set(course.assignment.slips) | {FORBIDDEN_IMPORT} == tried


def test_slips_that_one_check_catches_are_told(matrix: KillMatrix) -> None:
    once = {(row.exercise, row.slip): row.caught_by for row in matrix.caught_once()}
    assert once["self_attention", "mutates_inputs"] == ("contract.inputs_unchanged",)


def test_a_check_that_catches_nothing_and_a_slip_without_a_name_are_problems(matrix: KillMatrix) -> None:
    rows = tuple(replace(row, caught_by=()) for row in matrix.rows if row.exercise == "self_attention")
    blind = KillMatrix(matrix.checks, rows)
    assert ("self_attention", "values.published.output") in blind.idle()
    unnamed = KillMatrix(matrix.checks, (*matrix.rows, replace(matrix.rows[0], named=(), problem="it is not named")))
    assert unnamed.problems() == ["self_attention: no_scale: it is not named"]


def test_a_slip_that_no_check_catches_is_a_problem(tmp_path: Path) -> None:
    folder = tmp_path / "signals"
    shutil.copytree(ROOT / "tests" / "assignments" / "signals", folder)
    (folder / "misconceptions.toml").write_text(
        "[slips.half]\ntitle = 'half'\nhint = ''\n[slips.none]\ntitle = 'none'\nhint = ''\n", encoding="utf-8")
    (folder / "misconceptions.py").write_text(
        "import numpy as np\nfrom grader.model import Variant\n"
        "def variants(exercise, earlier):\n"
        "    if exercise == 'smooth':\n"
        "        right = lambda signal, width: np.convolve(signal, np.ones(width) / width, mode='valid')\n"
        "        yield Variant(frozenset({'half'}), lambda signal, width: right(signal, width) / 2)\n"
        "        yield Variant(frozenset({'none'}), right)\n", encoding="utf-8")
    course = prepare(load_assignment(folder), "seed")
    with open_box(course.assignment) as box:
        matrix = try_slips(course, box)
    rows = {row.slip: row for row in matrix.rows}
    assert (rows["half"].named, rows["half"].problem) == (("half",), "")
    assert rows["none"].problem == "no check catches it"
    page = render_matrix(matrix, matrix.problems(), course.assignment)
    assert "no check catches it" in page
