"""Many submissions over workers: order, faults of a worker, faults of the disk; no submission without a result."""

from __future__ import annotations

import os
import signal
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from grader import distribute, pipeline
from grader.distribute import WriteError, grade_all
from grader.model import Graded, Result, Submission
from grader.pipeline import Course
from grader.publish import publish
from grader.sandbox import Box
from grader.target import set_aside
from tests.support import notebook, solved, submission


def hand_in(folder: Path, count: int) -> list[Submission]:
    return [submission(folder, solved() if index % 2 else notebook("x = 1"), f"s{index}") for index in range(count)]


def test_results_come_back_in_order_and_are_on_disk(course: Course, tmp_path: Path) -> None:
    heard: list[str] = []
    results = grade_all(hand_in(tmp_path, 7), course, tmp_path / "out", 3, lambda result: heard.append(result.submission.id))
    assert [result.submission.id for result in results] == [f"s{index}" for index in range(7)]
    assert sorted(heard) == sorted(f"s{index}" for index in range(7))
    assert [result.score for result in results] == [0, 80, 0, 80, 0, 80, 0]
    for folder, suffix in (("results", "json"), ("feedback", "html")):
        files = sorted((tmp_path / "out" / folder).iterdir())
        assert [file.name for file in files] == [f"s{index}.{suffix}" for index in range(7)]
        assert all(stat.S_IMODE(file.stat().st_mode) == 0o644 for file in files)


@pytest.mark.parametrize("fault", ["dies", "raises", "hangs"])
def test_a_fault_of_ours_becomes_needs_attention_and_stops_no_one(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    real = pipeline.grade

    def faulty(one: Submission, course: Course, box: Box) -> Graded:
        if one.id == "s1":
            if fault == "dies":
                os.kill(os.getpid(), signal.SIGKILL)
            if fault == "hangs":
                signal.pause()
            raise RuntimeError("a fault in the grader")
        return real(one, course, box)

    monkeypatch.setattr(distribute, "grade", faulty)
    monkeypatch.setattr(distribute, "SPARE_SECONDS", -79.0)  # with the limits' 80 s, one second
    results = grade_all(hand_in(tmp_path, 4), course, tmp_path / "out", 2, lambda _: None)
    assert [result.status for result in results] == ["graded", "needs_attention", "graded", "graded"]
    assert (results[1].score, results[1].attention[0].code) == (None, "grader_failed")
    assert "person" in results[1].attention[0].message
    assert (tmp_path / "out" / "results" / "s1.json").is_file()
    assert (tmp_path / "out" / "feedback" / "s1.html").is_file()


def test_a_disk_that_takes_nothing_ends_the_run(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes | str) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(distribute, "write_file", full)
    with pytest.raises(WriteError, match="No space left"):
        grade_all(hand_in(tmp_path, 3), course, tmp_path / "out", 2, lambda _: None)


def test_a_second_run_overwrites_and_sets_aside_what_is_not_handed_in_any_more(course: Course, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = grade_all(hand_in(tmp_path, 3), course, out, 1, lambda _: None)
    publish(first, course.assignment, out)
    for other in ("feedback/mine.html", "results/mine.json", "results/s9.json"):
        (out / other).write_text("{}", encoding="utf-8")
    second = grade_all(hand_in(tmp_path, 2), course, out, 1, lambda _: None)
    assert set_aside(out, {"s0", "s1"}) == 1
    assert set_aside(out, {"s0", "s1"}) == 0
    publish(second, course.assignment, out)
    found = sorted(str(file.relative_to(out)) for file in out.rglob("*") if file.is_file())
    assert found == [
        "earlier/feedback/s2.html", "earlier/results/s2.json", "feedback/mine.html", "feedback/s0.html", "feedback/s1.html",
        "grades.csv", "index.html", "results/mine.json", "results/s0.json", "results/s1.json", "results/s9.json"]
    assert first[:2] == second


def test_an_id_may_hold_anything_that_safe_ids_hold(course: Course, tmp_path: Path) -> None:
    odd = replace(submission(tmp_path, solved(), "x"), id="Ünï (2), +@ 李")
    results: list[Result] = grade_all([odd], course, tmp_path / "out", 1, lambda _: None)
    publish(results, course.assignment, tmp_path / "out")
    assert (tmp_path / "out" / "feedback" / "Ünï (2), +@ 李.html").is_file()
