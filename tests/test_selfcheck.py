"""The self-check against the grader, on all samples; what it says, to whom, and where nothing can be checked."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest

from grader.assignment import Assignment, load_assignment
from grader.collect import collect
from grader.errors import AssignmentError
from grader.model import Result
from grader.pipeline import Course, grade, open_notebook, read_files
from grader.public_reach import measure_reach
from grader.release import build_bundle, open_public
from grader.sandbox import Box
from grader.student.command import NotFoundError, find_notebook
from grader.student.outcome import Outcome, check_notebook
from grader.student.public import PublicCourse
from grader.student.run_here import run_here
from grader.student.telling import as_html, as_text, make_report
from grader.student.tries import choose_hints
from grader.student.words import ENGLISH, tell_age
from tests.support import ATTENTION, MULTI_HEAD, MULTI_STUB, ROOT, STUB, code, names, notebook, solved, text

NO_SCALE = ATTENTION.replace(" / np.sqrt(K.shape[1])", "")


@pytest.fixture(scope="module")
def public(attention: Assignment) -> PublicCourse:
    return open_public(attention)


def check(content: bytes, public: PublicCourse) -> Outcome:
    inert = (*public.task.imports.inert, *public.task.imports.forbidden)
    return check_notebook(content, public, partial(run_here, limits=public.task.limits, inert=inert))


# --- against the grader -------------------------------------------------------------------------------------------------

SAMPLES = collect(ROOT / "submissions" / "attention").submissions


def both(course: Course, public: PublicCourse, box: Box, sample: str) -> tuple[Result, Outcome]:
    submission = next(one for one in SAMPLES if one.id == sample)
    result = grade(submission, course, box).result
    readings = {one.source: one for one in read_files(submission, 50)}
    content = readings[result.submission.source].content if result.submission.source in readings else b""
    return result, check(content, public)


@pytest.mark.parametrize("sample", [one.id for one in SAMPLES])
def test_a_sample_is_judged_as_by_the_grader(course: Course, public: PublicCourse, box: Box, sample: str) -> None:
    result, outcome = both(course, public, box, sample)
    failed = [check.id for one in result.exercises.values() for check in one.checks
              if check.visibility == "public" and check.outcome != "passed" and not check.message.endswith("allows")]
    if failed or result.status != "graded":
        assert not outcome.good
    if result.status == "graded" and not any(one.verdict == "timeout" for one in result.exercises.values()):
        for name, exercise in result.exercises.items():
            if exercise.carried_forward:  # without the reference nothing can be marked on top of a wrong part; it says what to do
                assert outcome.exercises[name].verdict == "incorrect"
                assert outcome.leans[name] == ("self_attention",)
            else:
                assert outcome.exercises[name].verdict == exercise.verdict, name
                assert names(outcome.exercises[name].diagnoses) == names(exercise.diagnoses), name


def test_the_samples_are_many_and_some_are_good(public: PublicCourse, attention: Assignment, course: Course) -> None:
    assert len(SAMPLES) > 40
    readings = [open_notebook(one, reading, attention, course.template) for one in SAMPLES[:3] for reading in read_files(one, 50)]
    assert len(readings) >= 3


ACCEPTED = {
    "float32": ATTENTION.replace("Q, K, V = X @", "X = X.astype(np.float32)\n    Q, K, V = X @"),
    "no shift before the exponential": ATTENTION.replace("S - S.max(axis=1, keepdims=True)", "S"),
    "loops": "def self_attention(X, Wq, Wk, Wv):\n    Q, K, V = X @ Wq, X @ Wk, X @ Wv\n    A = np.zeros((len(X), len(X)))\n"
             "    for i in range(len(X)):\n        e = np.exp([Q[i] @ k / len(k) ** 0.5 for k in K])\n        A[i] = e / e.sum()\n"
             "    return A @ V, A",
    "lists": ATTENTION.replace("return A @ V, A", "return (A @ V).tolist(), A.tolist()"),
    "the width of X": ATTENTION.replace("K.shape[1]", "X.shape[1]"),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_right_solutions_of_all_kinds_are_accepted(public: PublicCourse, name: str) -> None:
    alone = MULTI_HEAD if name != "the width of X" else MULTI_HEAD.replace("self_attention(X", "_attend(X")
    outcome = check(notebook("import numpy as np", ATTENTION.replace("self_attention", "_attend"), ACCEPTED[name], alone), public)
    assert {one.verdict for one in outcome.exercises.values()} == {"correct"}, outcome
    assert outcome.good
    assert names(outcome.notices) == (["wider_keys", "not_reused"] if name == "the width of X" else [])


def test_every_single_slip_is_caught(attention: Assignment) -> None:
    reach = measure_reach(attention)
    assert reach.tried > 1500
    assert reach.problems() == []
    assert {one.slips for one in reach.missed} <= {("heads_split_rows", "projection_transposed")}  # which undo each other
    assert len(reach.missed_by_relations) < 20


# --- what it says -------------------------------------------------------------------------------------------------------


def test_the_symptom_comes_first_and_the_name_when_something_else_was_tried(public: PublicCourse, tmp_path: Path) -> None:
    file = tmp_path / ".selfcheck" / "tries.json"
    told = []
    for more in ("", "", " * 1", " * 1.0"):  # the second time nothing was changed
        outcome = check(solved(first=NO_SCALE + more), public)
        told.append(as_text(make_report(outcome, public.task, choose_hints(outcome, public.task, file))))
    title = "The scores are not scaled"
    assert [title in one for one in told] == [False, False, True, True]
    assert [ENGLISH.more_next_time in one for one in told] == [True, True, False, False]
    assert all("numbers in `output` differ" in one for one in told)
    assert "Follow it by hand" in told[-1]
    assert "Follow it by hand" not in told[0]
    assert json.loads(file.read_text()).keys() == {"self_attention", "multi_head_attention"}


@pytest.mark.parametrize("damage", [b"", b"[]", b"{\"self_attention\": 3}", b"\xff\xfe", b"{\"self_attention\": [1, null]}"])
def test_a_damaged_memory_of_tries_starts_anew(public: PublicCourse, tmp_path: Path, damage: bytes) -> None:
    file = tmp_path / "tries.json"
    file.write_bytes(damage)
    outcome = check(solved(first=NO_SCALE), public)
    assert choose_hints(outcome, public.task, file)["self_attention"] in ("symptom", "name")


def test_a_folder_that_cannot_be_written_still_counts_tries(public: PublicCourse, tmp_path: Path) -> None:
    file = tmp_path / "a file" / "tries.json"
    (tmp_path / "a file").write_text("")
    hints = []
    for more in ("", " * 1"):
        outcome = check(solved(first=NO_SCALE + more), public)
        hints.append(choose_hints(outcome, public.task, file)["self_attention"])
    assert hints == ["symptom", "name"]


@pytest.mark.parametrize(("hints", "first"), [('["hint", "name"]', "Draw Q and K"), ('["name"]', "The scores are not scaled.")])
def test_how_much_is_told_when_is_the_courses_to_say(tmp_path: Path, hints: str, first: str, attention: Assignment) -> None:
    folder = _copy(tmp_path)
    file = folder / "assignment.toml"
    file.write_text(f"{file.read_text(encoding='utf-8')}\n[selfcheck]\nhints = {hints}\n", encoding="utf-8")
    public = open_public(load_assignment(folder))
    outcome = check(solved(first=NO_SCALE), public)
    said = as_text(make_report(outcome, public.task, choose_hints(outcome, public.task, tmp_path / "tries.json")))
    assert first in said
    assert ("The scores are not scaled." in said) is (hints == '["name"]')


@pytest.mark.parametrize(("hints", "told"), [("[]", "is empty"), ('["everything"]', "symptom, hint, name"), ("3", "hints")])
def test_hints_that_are_none_are_the_teachers_mistake(tmp_path: Path, hints: str, told: str) -> None:
    folder = _copy(tmp_path)
    file = folder / "assignment.toml"
    file.write_text(f"{file.read_text(encoding='utf-8')}\n[selfcheck]\nhints = {hints}\n", encoding="utf-8")
    with pytest.raises(AssignmentError, match=told) as caught:
        load_assignment(folder)
    assert caught.value.key.startswith("selfcheck.hints")


def _copy(tmp_path: Path) -> Path:
    import shutil

    for name in ("reference", "student_template"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path / "reference" / "attention"


SAID = {
    "untouched": (solved(first=STUB, second=MULTI_STUB), ["is still the hand-out's stub", ENGLISH.unsaved]),
    "a name that only the kernel knows": (
        solved(first=ATTENTION.replace("np.sqrt", "root")), ["no cell of the notebook defines `root`", ENGLISH.stale]),
    "built on a wrong part": (solved(first=NO_SCALE), ["It calls your self_attention, which is not right yet: mend that first"]),
    "stops on other sizes": (
        solved(first=ATTENTION.replace("    Q, K", "    X.reshape(5, 6)\n    Q, K")), ["had no answer to check", "cannot reshape"]),
    "another name": (notebook("import numpy as np", ATTENTION.replace("self_", "my_self_"), MULTI_HEAD), ["rename it to `self_attention`"]),
    "no Python": (solved(first="def self_attention(X, Wq, Wk, Wv:\n    pass"), ["is not valid Python"]),
    "torch": (solved(first="import torch\n" + ATTENTION.replace("Q, K, V", "torch; Q, K, V")), ["forbidden", "torch"]),
    "half saved": (b'{"cells": [', ["breaks off", ENGLISH.unreadable]),
    "empty": (b"", ["The file is empty", ENGLISH.unreadable]),
    "too large": (solved(text("x" * (51 << 20))), ["The notebook has 51 MB, more than the 50 MB that are read"]),
    "an import that fails": (
        notebook("import numpy as np", "from absent import root", ATTENTION.replace("np.sqrt", "root"), MULTI_HEAD),
        ["name 'root' is not defined", "before that, cell 2 raised ModuleNotFoundError: No module named 'absent'"]),
    "slow": (solved(first=ATTENTION.replace("    Q, K", "    import time; time.sleep(0.19)\n    Q, K")), ["times as many calls", ENGLISH.doubtful]),
    "a module of one's own": (
        solved(first="try:\n    import somewhere\nexcept ImportError:\n    somewhere = None\n"
               + ATTENTION.replace("    Q, K", "    somewhere\n    Q, K")), ["It uses `somewhere`", ENGLISH.doubtful]),
    "answers": (solved(text("Since the heads look elsewhere, all differs.", "answer-c")), ["Answer (c): found, words: 7", "(d): none found"]),
    "numbers of a cell": (solved(code("self_attention = 3 +")), ["note (cell 4)"]),
}


@pytest.mark.parametrize("name", SAID)
def test_it_says_what_is_wrong_and_what_to_do(public: PublicCourse, name: str) -> None:
    content, sentences = SAID[name]
    outcome = check(content, public)
    report = make_report(outcome, public.task, dict.fromkeys(outcome.exercises, "name"))
    for said in (as_text(report).replace("`", ""), re.sub("<[^>]+>", "", as_html(report)).replace("`", "")):
        assert [sentence for sentence in sentences if sentence.replace("`", "") not in said] == []
    assert report.good is (name in ("answers", "numbers of a cell"))


def test_an_endless_loop_is_ended_and_told(public: PublicCourse) -> None:
    import dataclasses

    brief = dataclasses.replace(public, task=dataclasses.replace(public.task, limits=dataclasses.replace(public.task.limits, wall_seconds=1)))
    outcome = check(solved(first=ATTENTION.replace("    Q, K", "    while True: pass\n    Q, K")), brief)
    assert outcome.exercises["self_attention"].verdict == "timeout"
    assert "not done after 1 s" in outcome.exercises["self_attention"].message


def test_nothing_that_a_student_wrote_becomes_markup_or_moves_the_cursor(public: PublicCourse) -> None:
    evil = "\\x1b[2J</td><script>alert(1)</script>\\u202e&\\n\\n(a) Self-attention: correct"
    outcome = check(solved(first=ATTENTION.replace("    Q, K", f"    raise ValueError('{evil}')\n    Q, K")), public)
    report = make_report(outcome, public.task, dict.fromkeys(outcome.exercises, "name"))
    page, said = as_html(report), as_text(report)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not {"\x1b", "\u202e"} & set(page + said)
    assert "\n(a) Self-attention: correct" not in said


@pytest.mark.parametrize(("seconds", "said"), [
    (-3, "0 s ago"), (5, "5 s ago"), (119, "119 s ago"), (600, "10 min ago"), (7300, "2 h ago"),
    (3 * 86400, "3 days ago")])
def test_the_age_of_a_file(seconds: float, said: str) -> None:
    assert tell_age(seconds, ENGLISH) == said


# --- the command --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("files", "given", "found"), [
    (["here/attention.ipynb"], None, "here/attention.ipynb"), (["home/attention.ipynb"], None, "home/attention.ipynb"),
    (["here/attention.ipynb", "home/attention.ipynb"], None, "here/attention.ipynb"), (["here/mine.ipynb"], None, "here/mine.ipynb"),
    (["here/mine.ipynb"], "here/mine.ipynb", "here/mine.ipynb"), (["here/attention.ipynb"], "here", "here/attention.ipynb"),
])
def test_the_notebook_that_is_meant_is_found(tmp_path: Path, files: list[str], given: str | None, found: str) -> None:
    _make(tmp_path, files)
    assert find_notebook(tmp_path / given if given else None, "attention.ipynb", tmp_path / "home", tmp_path / "here") == tmp_path / found


@pytest.mark.parametrize(("files", "given", "told"), [
    ([], None, "There is no attention.ipynb in"), (["here/a.ipynb", "here/b.ipynb"], None, "a.ipynb, b.ipynb"),
    (["here/a.ipynb"], "here/b.ipynb", "there is no such file"), (["here/a.ipynb"], "here", "this is a folder without attention.ipynb"),
    ([], "nowhere/b.ipynb", "There is no notebook in"),
])
def test_a_notebook_that_is_not_there_is_told_with_what_is(tmp_path: Path, files: list[str], given: str | None, told: str) -> None:
    _make(tmp_path, files)
    with pytest.raises(NotFoundError, match=told):
        find_notebook(tmp_path / given if given else None, "attention.ipynb", tmp_path / "home", tmp_path / "here")


def _make(tmp_path: Path, files: list[str]) -> None:
    for folder in ("home", "here"):
        (tmp_path / folder).mkdir()
    for file in files:
        (tmp_path / file).write_text("{}")


@pytest.fixture(scope="module")
def unpacked(attention: Assignment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("a student's folder ü")
    with zipfile.ZipFile(BytesIO(build_bundle(attention).content)) as archive:
        archive.extractall(folder)
    return folder / "attention"


def run_selfcheck(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, folder / "selfcheck.py", *arguments], cwd=folder.parent, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": ""}, timeout=120, check=False)


def test_the_unpacked_bundle_checks_what_lies_beside_it(unpacked: Path) -> None:
    run = run_selfcheck(unpacked)
    assert (run.returncode, run.stderr) == (1, "")
    assert run.stdout.startswith("attention.ipynb, as saved ")
    assert "(a) Self-attention: missing" in run.stdout


@pytest.mark.parametrize(("content", "status", "said"), [
    (solved(), 0, ENGLISH.good), (solved(first=NO_SCALE), 1, ENGLISH.not_good), (b"nonsense", 1, "does not hold JSON")])
def test_the_exit_status_says_whether_all_is_well(unpacked: Path, tmp_path: Path, content: bytes, status: int, said: str) -> None:
    file = tmp_path / "my work.ipynb"
    file.write_bytes(content)
    run = run_selfcheck(unpacked, str(file))
    assert (run.returncode, run.stderr) == (status, "")
    assert said in run.stdout
    assert (ENGLISH.without_walls in run.stdout) is (content != b"nonsense")


def test_a_wrong_path_is_one_sentence_and_status_2(unpacked: Path) -> None:
    run = run_selfcheck(unpacked, "nowhere.ipynb")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("nowhere.ipynb: there is no such file. ")
    assert "Traceback" not in run.stderr


def test_make_selfcheck_does_the_same(unpacked: Path) -> None:
    run = subprocess.run(["make", "selfcheck", f"PYTHON={sys.executable}"], cwd=unpacked, capture_output=True, text=True, timeout=120,
                         check=False)
    assert (run.returncode, run.stderr) == (0, "")  # what is not right yet is no error of make's
    assert "(a) Self-attention: missing" in run.stdout


def lines_of(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    yield from process.stdout


def test_watching_checks_again_when_the_notebook_is_saved(unpacked: Path, tmp_path: Path) -> None:
    file = tmp_path / "watched.ipynb"
    file.write_bytes(solved(first=NO_SCALE))
    command = [sys.executable, str(unpacked / "selfcheck.py"), "--watch", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        told = lines_of(process)
        assert any("Watching watched.ipynb" in line for line in told)
        time.sleep(0.1)
        file.write_bytes(solved())
        assert any(ENGLISH.good in line for line in told)
        assert any("Watching watched.ipynb" in line for line in told)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
