"""A second assignment of another kind, through the same code: nothing in grader/ knows of attention."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.assignment import load_assignment
from grader.model import Result
from grader.pipeline import Course, grade, open_box, prepare
from grader.sandbox import Box
from grader.verify import verify
from tests.support import ROOT, notebook, submission

FOLDER = ROOT / "tests" / "assignments" / "signals"
SMOOTH = "def smooth(signal, width):\n    return np.array([signal[i:i + width].mean() for i in range(len(signal) - width + 1)])"
RESIDUAL = (
    "def residual(signal, width):\n    h = width // 2\n    rest = signal[h:h + len(signal) - width + 1] - smooth(signal, width)\n"
    "    return rest, (rest ** 2).sum()"
)


@pytest.fixture(scope="module")
def signals() -> Course:
    return prepare(load_assignment(FOLDER), "seed")


@pytest.fixture(scope="module")
def signals_box(signals: Course) -> Iterator[Box]:
    with open_box(signals.assignment) as box:
        yield box


def run(signals: Course, box: Box, folder: Path, *cells: str) -> Result:
    return grade(submission(folder, notebook("import numpy as np", *cells)), signals, box).result


def test_the_reference_earns_all_and_the_handout_nothing(signals: Course) -> None:
    assert [trial.problem for trial in verify(signals)] == ["", ""]


def test_a_right_solution_earns_everything(signals: Course, signals_box: Box, tmp_path: Path) -> None:
    result = run(signals, signals_box, tmp_path, SMOOTH, RESIDUAL)
    assert result.score == result.points == 10


def test_an_optional_result_may_be_left_out(signals: Course, signals_box: Box, tmp_path: Path) -> None:
    result = run(signals, signals_box, tmp_path, SMOOTH, RESIDUAL.replace("return rest, (rest ** 2).sum()", "return rest"))
    assert result.exercises["residual"].verdict == "correct"
    assert result.score == 10


def test_a_slip_in_the_first_part_is_not_charged_in_the_second(signals: Course, signals_box: Box, tmp_path: Path) -> None:
    result = run(signals, signals_box, tmp_path, SMOOTH.replace(".mean()", ".max()"), RESIDUAL)
    assert result.exercises["smooth"].verdict == "incorrect"
    assert (result.exercises["residual"].verdict, result.exercises["residual"].carried_forward) == ("correct", True)


@pytest.mark.parametrize(("second", "score"), [(RESIDUAL, 10), (RESIDUAL.replace("smooth(signal, width)", "own(signal, width)"), 8)])
def test_calling_the_earlier_function_pays_where_the_assignment_says_so(tmp_path: Path, second: str, score: float) -> None:
    folder = tmp_path / "signals"
    shutil.copytree(FOLDER, folder)
    file = folder / "assignment.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('"values.long" = 1', '"values.long" = 1\n"source.reuse" = 4'), encoding="utf-8")
    course = prepare(load_assignment(folder), "seed")
    with open_box(course.assignment) as box:
        result = run(course, box, tmp_path, SMOOTH, SMOOTH.replace("def smooth", "def own"), second)
    assert result.score == score


def test_its_own_import_rule_holds(signals: Course, signals_box: Box, tmp_path: Path) -> None:
    result = run(signals, signals_box, tmp_path, "from scipy.ndimage import uniform_filter1d as f\n" + SMOOTH.replace("np.array", "f"))
    assert result.exercises["smooth"].verdict == "forbidden"


def test_no_module_of_the_grader_speaks_of_attention() -> None:
    words = re.compile(r"self_attention|multi_head|softmax|attention_weights|\bWq\b", re.IGNORECASE)
    sources = [file for file in (ROOT / "grader").rglob("*") if file.suffix in (".py", ".j2", ".css")]
    assert sources
    assert [file.name for file in sources if words.search(file.read_text(encoding="utf-8"))] == []
