"""Faults on our side: a run that is killed, a disk that fills up, a wall that vanishes; and what --resume makes of it."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grader.distribute import grade_all
from grader.errors import UsageError
from grader.model import Result, Submission
from grader.pipeline import Course, open_box
from grader.report import UNFINISHED
from grader.resume import find_finished
from grader.sandbox import Box
from grader.target import only_run
from tests.support import ROOT, notebook, solved, submission

CRASH = solved(first="import os\ndef self_attention(X, Wq, Wk, Wv): os._exit(0)")


def command(folder: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "grader", "grade", str(folder), "--out", str(out), "--seed", "tests", "--jobs", "2", *more]


def run(folder: Path, out: Path, *more: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(folder, out, *more), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
                          env={**os.environ, "COLUMNS": "200", **environment})


def contents(out: Path) -> dict[str, bytes]:
    return {str(file.relative_to(out)): file.read_bytes() for file in sorted(out.rglob("*")) if file.is_file()}


@pytest.fixture(scope="module")
def class_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("class")
    for index in range(8):
        (folder / f"s{index}.ipynb").write_bytes((solved(), CRASH, notebook("x = 1"), b"{")[index % 4])
    return folder


@pytest.fixture(scope="module")
def whole(class_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a run that nothing disturbs leaves."""
    out = tmp_path_factory.mktemp("whole")
    assert run(class_folder, out).returncode == 0
    return contents(out)


# --- killed -----------------------------------------------------------------------------------------------------------


def processes_in(session: int) -> list[int]:
    """Living processes of a session, or with a parent in it: boxes start sessions of their own."""
    found: dict[int, tuple[str, int, int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent, _, its_session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:
                continue
            found[int(entry.name)] = (state, int(parent), int(its_session))
    ours = {pid for pid, (_, _, its_session) in found.items() if its_session == session}
    while more := {pid for pid, (_, parent, _) in found.items() if parent in ours} - ours:
        ours |= more
    return [pid for pid in ours if found[pid][0] != "Z"]


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
@pytest.mark.parametrize("results", [0, 1, 4, 7])
def test_a_run_that_is_killed_leaves_whole_files_and_no_process_and_is_finished_by_resume(
    class_folder: Path, tmp_path: Path, whole: dict[str, bytes], name: str, results: int
) -> None:
    out = tmp_path / "out"
    with subprocess.Popen(command(class_folder, out), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          start_new_session=True) as grader:
        while grader.poll() is None and len(list((out / "results").glob("*.json"))) < max(results, 1):
            time.sleep(0.001)
        if not results:  # before the first: while files are in the making
            grader.send_signal(signal.SIGSTOP)
        family = processes_in(grader.pid)
        grader.send_signal(getattr(signal, name))
        grader.send_signal(signal.SIGCONT)
        grader.wait(30)
    deadline = time.monotonic() + 10
    while alive := [pid for pid in family if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < deadline, f"still there: {alive}"
        time.sleep(0.02)
    for file, content in contents(out).items():
        if not Path(file).name.startswith(UNFINISHED):
            assert content == whole[file]
    again = run(class_folder, out, "--resume")
    assert again.returncode == 0, again.stderr
    assert contents(out) == whole
    kept = int(again.stdout.partition(" of 8 results are on disk already")[0].split()[-1])
    assert kept >= results


def test_resume_runs_nothing_again_that_still_stands(class_folder: Path, tmp_path: Path) -> None:
    first = run(class_folder, tmp_path / "out")
    again = run(class_folder, tmp_path / "out", "--resume")
    assert first.stdout.count("\n  s") == 8
    assert again.stdout.count("\n  s") == 0
    assert "8 of 8 results are on disk already" in again.stdout
    assert first.stdout[first.stdout.index("mean"):] == again.stdout[again.stdout.index("mean"):]


def test_a_second_run_into_the_same_folder_is_refused_while_the_first_goes_on(tmp_path: Path, class_folder: Path) -> None:
    out = tmp_path / "out"
    with only_run(out):
        refused = run(class_folder, out)
        assert refused.returncode == 2
        assert "another run is writing there" in refused.stderr
        with pytest.raises(UsageError), only_run(out):
            pass
    assert run(class_folder, out).returncode == 0


def test_what_a_killed_run_left_half_written_is_swept_up(tmp_path: Path) -> None:
    for place in ("", "results", "feedback"):
        (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / place / f"{UNFINISHED}x").write_text("half", encoding="utf-8")
    (tmp_path / "results" / "x.json").write_text("{}", encoding="utf-8")
    with only_run(tmp_path):
        assert list(contents(tmp_path)) == ["results/x.json"]


def test_a_folder_with_the_name_of_a_half_written_file_is_let_be(tmp_path: Path) -> None:
    folder = tmp_path / f"{UNFINISHED}x"
    folder.mkdir()
    with only_run(tmp_path):
        assert folder.is_dir()


# --- which results stand ------------------------------------------------------------------------------------------------


def test_a_result_stands_only_while_all_that_made_it_is_the_same(course: Course, tmp_path: Path, box: Box) -> None:
    out = tmp_path / "out"
    box.start()
    hand_in = [submission(tmp_path, solved(), name) for name in ("a", "b")]
    results = grade_all(hand_in, course, out, 1, lambda _: None)

    def standing(course: Course = course, hand_in: list[Submission] = hand_in, box: Box = box) -> list[int]:
        return sorted(find_finished(hand_in, course, out, box))

    assert find_finished(hand_in, course, out, box) == dict(enumerate(results))
    assert standing(replace(course, seed="other")) == []
    assert standing(replace(course, released=True)) == [], "its page shows less"
    assert standing(replace(course, assignment=replace(course.assignment, digest="other"))) == []
    assert standing(hand_in=[hand_in[1], hand_in[0]]) == [0, 1]
    assert standing(hand_in=[replace(hand_in[0], id="c"), hand_in[1]]) == [1]
    assert standing(hand_in=[replace(hand_in[0], files=(*hand_in[0].files, *hand_in[1].files)), hand_in[1]]) == [1]
    with open_box(course.assignment) as weaker:
        weaker.layers = ("seccomp",)
        assert standing(box=weaker) == []
    hand_in[0].files[0].path.write_bytes(solved("x = 1"))
    assert standing() == [1]
    (out / "feedback" / "b.html").unlink()
    assert standing() == []


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "no JSON": lambda data: b"\xff" + data,
    "another shape": lambda data: b'{"schema": 1}',
    "another student's": lambda data: data.replace(b'"id": "a"', b'"id": "b"'),
    "nested without end": lambda data: data.rstrip()[:-1] + b', "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "our fault": lambda data: json.dumps({
        **json.loads(data), "status": "needs_attention", "attention": [{"code": "sandbox_failed", "message": "m"}]}).encode(),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_result_that_is_damaged_or_tells_of_our_own_fault_does_not_stand(
    course: Course, tmp_path: Path, box: Box, damage: str
) -> None:
    box.start()
    hand_in = [submission(tmp_path, solved(), "a")]
    grade_all(hand_in, course, tmp_path / "out", 1, lambda _: None)
    file = tmp_path / "out" / "results" / "a.json"
    assert len(find_finished(hand_in, course, tmp_path / "out", box)) == 1
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    assert find_finished(hand_in, course, tmp_path / "out", box) == {}


NO_FILES: dict[str, Callable[[Path], None]] = {
    "folder": lambda file: file.mkdir(),
    "pipe": os.mkfifo,
    "device": lambda file: file.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("place", NO_FILES.values(), ids=NO_FILES)
def test_what_is_no_file_is_no_result(course: Course, tmp_path: Path, box: Box, place: Callable[[Path], None]) -> None:
    hand_in = [submission(tmp_path, solved(), "a")]
    (tmp_path / "out" / "results").mkdir(parents=True)
    place(tmp_path / "out" / "results" / "a.json")
    assert find_finished(hand_in, course, tmp_path / "out", box) == {}


def test_results_that_stand_are_not_graded_again(course: Course, tmp_path: Path, box: Box) -> None:
    box.start()
    hand_in = [submission(tmp_path, solved(), name) for name in ("a", "b", "c")]
    results = grade_all(hand_in, course, tmp_path / "out", 1, lambda _: None)
    heard: list[Result] = []
    again = grade_all(hand_in, course, tmp_path / "out", 2, heard.append, finished={0: results[0], 2: results[2]})
    assert again == results
    assert [result.submission.id for result in heard] == ["b"]


# --- a disk that fills up ---------------------------------------------------------------------------------------------

FULL_DISK = """
set -u
mount -t tmpfs -o size=120k none "$1"
"$2" -m grader grade "$3" --out "$1" --seed tests --jobs 2 > /dev/null; echo "status $?"
find "$1" -type f -size 0
mount -o remount,size=64m "$1"
"$2" -m grader grade "$3" --out "$1" --seed tests --jobs 2 --resume > /dev/null; echo "status $?"
cp -r "$1"/. "$4"
"""


def test_a_full_disk_ends_the_run_with_a_mend_and_nothing_half_written(class_folder: Path, tmp_path: Path, whole: dict[str, bytes]) -> None:
    small, copy = tmp_path / "small", tmp_path / "copy"
    small.mkdir()
    copy.mkdir()
    alone = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    told = subprocess.run([*alone, "sh", "-c", FULL_DISK, "sh", str(small), sys.executable, str(class_folder), str(copy)],
                          cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert told.stdout.split() == ["status", "1", "status", "0"]
    assert "No space left on device" in told.stderr
    assert "--resume" in told.stderr
    assert "Traceback" not in told.stderr
    assert contents(copy) == whole


# --- a wall that vanishes -----------------------------------------------------------------------------------------------


def test_bubblewrap_that_vanishes_midway_costs_no_one_a_mark(
    class_folder: Path, tmp_path: Path, whole: dict[str, bytes], box: Box, request: pytest.FixtureRequest
) -> None:
    box.start()
    if "bubblewrap" not in box.layers:
        pytest.skip("bubblewrap does not work here")
    folder = Path(tempfile.mkdtemp(prefix="bin-"))
    folder.chmod(0o755)  # as root another user runs it, who cannot look into a test's own folder
    request.addfinalizer(lambda: shutil.rmtree(folder))
    link = folder / "bwrap"
    link.symlink_to(str(shutil.which("bwrap")))
    out = tmp_path / "out"
    arguments = [*command(class_folder, out)[:-1], "1"]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "PATH": str(link.parent), "COLUMNS": "200"}) as grader:
        assert grader.stdout is not None
        told = []
        for line in grader.stdout:
            if line.startswith("  s0"):  # the next one crashes, which has the box replaced
                link.unlink()
            told.append(line)
        assert grader.wait() == 0
    results = [json.loads((out / "results" / f"s{index}.json").read_bytes()) for index in range(8)]
    failed = [one["submission"]["id"] for one in results if [each["code"] for each in one["attention"]] == ["sandbox_failed"]]
    assert {"s4", "s5"} <= set(failed)
    assert all(one["score"] is None for one in results if one["submission"]["id"] in failed)
    assert f"--resume (make: RESUME=yes) grades these {len(failed)} again" in "".join(told)
    page = (out / "index.html").read_text(encoding="utf-8")
    assert page.index("had the layers") < page.index("<table")
    link.symlink_to(str(shutil.which("bwrap")))
    assert run(class_folder, out, "--resume", PATH=str(link.parent)).returncode == 0
    assert contents(out) == whole


# --- a clock that jumps -------------------------------------------------------------------------------------------------


CLOCKS = {"time.time", "time.time_ns", "time.localtime", "time.gmtime", "time.ctime", "time.strftime", "time.CLOCK_REALTIME",
          "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "dt.datetime.now", "dt.datetime.utcnow", "dt.datetime.today", "dt.date.today"}


def test_nothing_in_the_grader_reads_the_clock_on_the_wall() -> None:
    """So that no jump of it can end a run or lengthen a limit: once for the receipts and `release_hidden`, and for a file's age."""
    found: list[str] = []
    for file in (ROOT / "grader").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in CLOCKS:
                found.append(f"{file.name}:{node.lineno} {ast.unparse(node)}")
            if isinstance(node, ast.ImportFrom) and node.module in {"time", "datetime"}:
                found.append(f"{file.name}:{node.lineno} from {node.module} import ...")
    assert sorted(re.sub(r":\d+", "", one) for one in found) == ["clock.py dt.datetime.now", "command.py time.time"]


def test_a_receipt_has_the_time_of_the_run_and_a_kept_result_that_of_its_own(class_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(class_folder, out, SOURCE_DATE_EPOCH="1800000000").returncode == 0
    gone = sorted((out / "results").iterdir())[0]
    gone.unlink()
    assert run(class_folder, out, "--resume", SOURCE_DATE_EPOCH="1800003600").returncode == 0
    times = [json.loads(file.read_bytes())["receipt"]["graded"] for file in sorted((out / "results").iterdir())]
    assert times == ["2027-01-15T09:00:00Z", *["2027-01-15T08:00:00Z"] * (len(times) - 1)]
    page = (out / "feedback" / f"{gone.stem}.html").read_text(encoding="utf-8")
    assert "2027-01-15, 09:00:00 UTC" in page


def test_a_time_that_is_none_is_told(class_folder: Path, tmp_path: Path) -> None:
    done = run(class_folder, tmp_path / "out", SOURCE_DATE_EPOCH="noon")
    assert done.returncode == 2
    assert "SOURCE_DATE_EPOCH=noon: this is no time" in done.stderr
