"""The grader grades itself, and notices when an assignment contradicts itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from grader.assignment import load_assignment
from grader.pipeline import Course, prepare
from grader.verify import verify
from tests.support import ROOT


def test_the_reference_earns_full_marks_and_the_template_none(course: Course) -> None:
    reference, template = verify(course)
    assert (reference.result.score, reference.problem) == (80, "")
    assert {exercise.verdict for exercise in reference.result.exercises.values()} == {"correct"}
    assert (template.result.score, template.problem) == (0, "")
    assert {exercise.verdict for exercise in template.result.exercises.values()} == {"missing"}


def test_a_reference_that_its_own_rule_forbids_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "signals"
    shutil.copytree(ROOT / "tests" / "assignments" / "signals", folder)
    file = folder / "assignment.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('["scipy"]', '["numpy"]'), encoding="utf-8")
    problem = verify(prepare(load_assignment(folder), "seed"))[0].problem
    assert "smooth is forbidden" in problem


def test_a_handout_that_gives_the_answer_away_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "signals"
    shutil.copytree(ROOT / "tests" / "assignments" / "signals", folder)
    notebook = json.loads((folder / "handout.ipynb").read_bytes())
    notebook["cells"][2]["source"] = "def smooth(signal, width):\n    return np.convolve(signal, np.ones(width) / width, 'valid')"
    notebook["cells"].append({**notebook["cells"][2], "source": "smooth = [smooth][0]"})
    (folder / "handout.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    problem = verify(prepare(load_assignment(folder), "seed"))[1].problem
    assert problem == "smooth counts as written"
