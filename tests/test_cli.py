"""The command line as its users meet it: exit codes, words, files."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from grader import cli
from grader.model import Result, Submission
from grader.pipeline import Course, give_up
from tests.support import ATTENTION, MULTI_STUB, ROOT, STUB, notebook, solved


def grader(*arguments: str | Path, folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, 100 columns wide."""
    return subprocess.run(
        [sys.executable, "-m", "grader", *map(str, arguments)], capture_output=True, text=True, cwd=folder, timeout=120,
        env={**os.environ, "COLUMNS": "100", "GRADER_SEED": "tests", **environment}, check=False,
    )


@pytest.fixture
def class_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "ann.ipynb").write_bytes(solved())
    (folder / "bob.ipynb").write_bytes(notebook("import numpy as np", ATTENTION.replace("axis=1", "axis=0"), MULTI_STUB))
    (folder / "eve.ipynb").write_bytes(b"{")
    (folder / "=cmd.ipynb").write_bytes(notebook(STUB))
    return folder


def test_help_tells_every_command() -> None:
    told = grader("--help").stdout
    for command in ("grade", "selfcheck", "verify", "similar"):
        assert command in told
        assert "usage" in grader(command, "--help").stdout


def test_grade_writes_everything_and_says_where(class_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = grader("grade", class_folder, "--out", out, "--jobs", "2")
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    assert "ann: 80 of 80" in run.stdout
    assert "needs attention" in run.stdout
    assert sorted(str(file.relative_to(out)) for file in out.rglob("*.*")) == [
        "feedback/_cmd.html", "feedback/ann.html", "feedback/bob.html", "feedback/eve.html", "grades.csv", "index.html",
        "results/_cmd.json", "results/ann.json", "results/bob.json", "results/eve.json"]
    rows = list(csv.reader((out / "grades.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 5
    assert not any(cell.startswith("=") for row in rows for cell in row)


def test_what_is_left_out_is_named_and_much_of_it_counted(class_folder: Path, tmp_path: Path) -> None:
    for number in range(60):
        (class_folder / f"note {number:02}.txt").write_text("x", encoding="utf-8")
    told = grader("grade", class_folder, "--out", tmp_path / "out", "--jobs", "2").stdout.splitlines()
    assert [line for line in told if "left out" in line][-2:] == ["  left out: note 49.txt", "  left out: 10 more"]


def test_a_page_without_names_is_written_where_it_is_asked_for_and_gone_after_a_run_without(class_folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "out" / "index-anonymous.html"
    assert grader("grade", class_folder, "--out", tmp_path / "out", "--anonymous").returncode == 0
    text = page.read_text(encoding="utf-8")
    assert "Student 4" in text
    assert [name for name in ("ann", "bob", "eve") if f">{name}<" in text] == []
    assert grader("grade", class_folder, "--out", tmp_path / "out").returncode == 0
    assert not page.exists()
def test_what_the_grader_did_not_write_is_not_written_over(class_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    (out / "results").mkdir(parents=True)
    mine = {"index.html": "mine", "grades.csv": "mine", "results/run-1.json": "{}"}
    for name, text in mine.items():
        (out / name).write_text(text, encoding="utf-8")
    run = grader("grade", class_folder, "--out", out)
    assert run.returncode == 2
    assert "index.html and grades.csv that the grader did not write" in run.stderr
    assert {name: (out / name).read_text(encoding="utf-8") for name in mine} == mine
    run = grader("grade", class_folder, "--out", class_folder)
    assert run.returncode == 2
    assert "holds the submissions" in run.stderr
    assert not (class_folder / "index.html").exists()


def test_another_class_into_the_same_folder_costs_nobody_a_result(class_folder: Path, tmp_path: Path) -> None:
    out, one = tmp_path / "out", tmp_path / "one"
    one.mkdir()
    shutil.copy(class_folder / "bob.ipynb", one / "zoe.ipynb")
    grader("grade", class_folder, "--out", out)
    before = (out / "results" / "ann.json").read_bytes()
    run = grader("grade", one, "--out", out)
    assert run.returncode == 0
    assert "moved 4 results of an earlier run" in run.stdout
    assert [file.name for file in (out / "results").iterdir()] == ["zoe.json"]
    assert (out / "earlier" / "results" / "ann.json").read_bytes() == before


def test_grading_again_gives_the_same_files(class_folder: Path, tmp_path: Path) -> None:
    contents = []
    for jobs in ("1", "3"):
        grader("grade", class_folder, "--out", tmp_path / "out", "--jobs", jobs)
        contents.append({file: file.read_bytes() for file in (tmp_path / "out").rglob("*.*")})
    assert contents[0] == contents[1]


WRONG = [
    (["grade", "nowhere"], "no such folder"),
    (["grade", "--assignment", "nowhere"], "assignment.toml"),
    (["grade", "--jobs", "0"], "above 0"),
    (["grade", "--jobs", "many"], "above 0"),
    (["grade", "tests"], "no notebook"),
    (["selfcheck", "nowhere.ipynb"], "no such notebook"),
    (["mark"], "invalid choice"),
    ([], "required"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG, ids=[" ".join(row[0]) or "nothing" for row in WRONG])
def test_a_wrong_command_ends_with_2_and_a_mend(tmp_path: Path, arguments: list[str], words: str) -> None:
    (tmp_path / "tests").mkdir()
    for name in ("reference", "student_template"):
        shutil.copytree(ROOT / name, tmp_path / name)
    run = grader(*arguments, folder=tmp_path)
    assert run.returncode == 2
    assert words in " ".join(run.stderr.split())
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "grades").exists()


def test_a_wrong_assignment_ends_with_2_before_anything_is_written(tmp_path: Path, class_folder: Path) -> None:
    shutil.copytree(ROOT / "tests" / "assignments" / "signals", tmp_path / "signals")
    file = tmp_path / "signals" / "assignment.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("points = 6", "points = 0"), encoding="utf-8")
    run = grader("grade", class_folder, "--assignment", tmp_path / "signals", "--out", tmp_path / "out")
    assert run.returncode == 2
    told = run.stderr.replace("\n", "")
    assert "assignment.toml: exercises.smooth.points" in told
    assert "mend: give a number above 0" in told
    assert not (tmp_path / "out").exists()


def test_an_out_that_cannot_be_written_ends_with_1(class_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way", encoding="utf-8")
    run = grader("grade", class_folder, "--out", tmp_path / "out")
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert "out" in run.stderr


def test_a_seed_of_ones_own_is_made_once_and_kept(tmp_path: Path, class_folder: Path) -> None:
    shutil.copytree(ROOT / "reference", tmp_path / "reference")
    shutil.copytree(ROOT / "student_template", tmp_path / "student_template")
    seed = tmp_path / "reference" / "attention" / ".seed"
    seed.unlink(missing_ok=True)
    for _ in range(2):
        assert grader("grade", class_folder, folder=tmp_path, GRADER_SEED="").returncode == 0
        kept = seed.read_text(encoding="utf-8")
    assert len(kept.strip()) == 32
    assert seed.stat().st_mode & 0o077 == 0
    assert (tmp_path / "grades" / "attention" / "index.html").is_file()


def test_a_seed_that_cannot_be_read_stops_the_run_and_one_that_cannot_be_kept_is_told(tmp_path: Path, class_folder: Path) -> None:
    shutil.copytree(ROOT / "reference", tmp_path / "reference", ignore=shutil.ignore_patterns(".seed"))
    shutil.copytree(ROOT / "student_template", tmp_path / "student_template")
    seed = tmp_path / "reference" / "attention" / ".seed"
    seed.mkdir()
    run = grader("grade", class_folder, folder=tmp_path, GRADER_SEED="")
    assert run.returncode == 2
    assert "mend: make it readable, or give --seed" in run.stderr
    seed.rmdir()
    seed.symlink_to("nowhere/seed")
    run = grader("grade", class_folder, folder=tmp_path, GRADER_SEED="")
    assert run.returncode == 0
    assert "the next run draws other hidden numbers" in run.stderr


def test_a_terminal_shows_how_far_how_fast_and_how_long_still(monkeypatch: pytest.MonkeyPatch, course: Course) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(cli, "out", Console(file=screen, force_terminal=True, width=140, soft_wrap=True))
    result = give_up(Submission("ann", (), "ann.ipynb"), course, "x", "x").result

    def work(done: Callable[[Result], None]) -> list[Result]:
        for _ in range(3):
            time.sleep(0.01)
            done(result)
        return [result]

    assert cli._with_progress(4, work) == [result]
    shown = re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", screen.getvalue())
    assert re.search(r"grading .* 3/4 .* a second .* left .* ann", shown)


def test_selfcheck_does_not_pass_what_it_could_not_check(tmp_path: Path) -> None:
    file = tmp_path / "fixed.ipynb"
    fixed = ATTENTION.replace("    Q, K", "    X.reshape(5, 6)\n    Q, K")
    file.write_bytes(solved(first=fixed))
    run = grader("selfcheck", file)
    assert run.returncode == 1
    assert "All public checks pass" not in run.stdout
    assert "there was no answer to check: it raised ValueError: cannot reshape" in run.stdout
    assert "your function stopped on their data" in run.stdout


def test_a_folder_above_the_class_is_doubted_aloud(tmp_path: Path, class_folder: Path) -> None:
    run = grader("grade", class_folder.parent, "--out", tmp_path / "out")
    assert run.returncode == 0
    assert "with its 4 notebooks was taken for one student's hand-in" in run.stderr
    assert str(class_folder) in run.stderr


def test_selfcheck_passes_only_what_is_right(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.ipynb", tmp_path / "bad.ipynb"
    good.write_bytes(solved())
    bad.write_bytes(solved(first=ATTENTION.replace("axis=1", "axis=0")))
    run = grader("selfcheck", good)
    assert run.returncode == 0
    assert "All public checks pass" in run.stdout
    run = grader("selfcheck", bad)
    assert run.returncode == 1
    assert "Not all public checks pass yet" in run.stdout
    assert "a row of attention weights" in " ".join(run.stdout.split())
    assert grader("selfcheck", "student_template/attention/attention.ipynb").returncode == 1


def test_selfcheck_shows_nothing_hidden(tmp_path: Path) -> None:
    file = tmp_path / "bad.ipynb"
    file.write_bytes(solved(first=ATTENTION.replace("axis=1", "axis=0")))
    run = grader("selfcheck", file)
    assert "other data" not in run.stdout
    assert "7 tokens" not in run.stdout


def test_verify_shows_the_matrix_and_writes_its_page(tmp_path: Path) -> None:
    run = grader("verify", "--page", tmp_path / "sub" / "matrix.html")
    assert run.returncode == 0, run.stdout
    told = " ".join(run.stdout.split())
    assert "80 of 80" in told
    assert "all as it must be" in told
    page = (tmp_path / "sub" / "matrix.html").read_text(encoding="utf-8")
    assert "softmax_over_queries" in page
    assert "<script" not in page
