"""The sample submissions get the marks that a careful instructor would give: samples.toml says which, and was read by one.

The scores are written down as they came and then judged by hand: see the comments there.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from grader.collect import collect
from grader.distribute import grade_all
from grader.model import Result
from grader.pipeline import Course, prepare
from grader.report import SCHEMA_FILE
from tests.support import ROOT, names

EXPECTED: dict[str, dict[str, Any]] = tomllib.loads((ROOT / "tests" / "samples.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def graded(course: Course, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Result]]:
    out = tmp_path_factory.mktemp("grades")
    seeded = prepare(course.assignment, "samples")
    results = grade_all(collect(ROOT / "submissions" / "attention").submissions, seeded, out, 2, lambda _: None)
    return out, {result.submission.id: result for result in results}


def test_every_sample_is_expected_and_every_expectation_met_with(graded: tuple[Path, dict[str, Result]]) -> None:
    assert set(graded[1]) == set(EXPECTED)
    assert len(EXPECTED) >= 16


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_gets_its_marks(graded: tuple[Path, dict[str, Result]], name: str) -> None:
    result, expected = graded[1][name], EXPECTED[name]
    assert [problem.code for problem in result.attention] == ([expected["attention"]] if "attention" in expected else [])
    for exercise, short in (("self_attention", "a"), ("multi_head_attention", "b")):
        if short in expected:
            found, wanted = result.exercises[exercise], expected[short]
            assert (found.verdict, found.score, names(found.diagnoses), found.carried_forward) == (
                wanted["verdict"], wanted["score"], wanted["slips"], wanted.get("carried", False))
    for question in ("c", "d"):
        assert " ".join(result.questions[question].answer.split()[:6]) == expected[question]
    assert names(result.notices) == expected["notices"]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_result_on_disk_keeps_the_contract(graded: tuple[Path, dict[str, Result]], name: str) -> None:
    out, results = graded
    data = json.loads((out / "results" / f"{name}.json").read_bytes())
    jsonschema.validate(data, json.loads(SCHEMA_FILE.read_bytes()))
    assert (out / "feedback" / f"{name}.html").stat().st_size < 150_000
    assert data["score"] == results[name].score
    for exercise in data["exercises"].values():
        assert round(sum(check["score"] for check in exercise["checks"]), 2) == exercise["score"]
        assert exercise["verdict"] != "correct" or exercise["score"] == exercise["points"]
