"""What `make ... CONTAINER=docker|podman` asks of an engine, and what the image is made of; a stand-in takes the engine's place."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from grader.sandbox.outer import SYSTEM_LIBRARIES
from tests.support import ROOT

ENGINE = """\
#!{python} -IS
import json, os, sys
image = {image!r}
with open({log!r}, "a") as log:
    log.write(json.dumps([sys.argv[1:], os.environ.get("GRADER_SEED")]) + "\\n")
if sys.argv[1] == "image":
    print("there") if os.path.exists(image) else sys.exit(1)
if sys.argv[1] == "build":
    for file in (image, sys.argv[sys.argv.index("--iidfile") + 1]):
        with open(file, "w") as stream:
            stream.write("sha256:1234")
"""
OURS = ("MAKE", "MFLAGS", "CONTAINER", "GRADER_SEED")
MADE_OF = ("Makefile", "container.mk", "Containerfile", ".dockerignore", "pyproject.toml", "requirements/run.txt", "grader/cli.py",
           "reference/attention/assignment.toml")  # nothing is built, so this will do
HARMLESS = {"run", "--rm", "--read-only", "--pull=never", "--network=none", "--cap-drop=ALL", "--security-opt=no-new-privileges",
            "--pids-limit=4096", "--tmpfs=/tmp", "--env=GRADER_SEED"}


@dataclass
class Course:
    """A copy of the course at a path with spaces, and engines that only note what they are asked."""

    folder: Path
    log: Path
    image: Path
    path: str

    def make(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        return subprocess.run(["make", *arguments], cwd=self.folder, env=clean | {"PATH": self.path} | environment,
                              capture_output=True, text=True, timeout=60, check=False)

    def asked(self) -> list[tuple[list[str], str | None]]:
        """The engine's arguments, and the seed in its environment, call by call."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [(arguments, seed) for arguments, seed in map(json.loads, lines)]

    def ran(self, *arguments: str, **environment: str) -> Run:
        """Make something and look at the one `run` that it asked for."""
        self.log.unlink(missing_ok=True)
        made = self.make(*arguments, **environment)
        assert made.returncode == 0, made.stderr
        (run,) = [Run.of(arguments, seed) for arguments, seed in self.asked() if arguments[0] == "run"]
        return run

    def builds(self) -> int:
        return sum(arguments[0] == "build" for arguments, _ in self.asked())


@dataclass
class Run:
    """One `docker run`: flags as name=value, mounts as source -> (target, mode), what the grader is told, the seed it is given."""

    flags: list[str]
    mounts: dict[str, tuple[str, str]]
    told: list[str]
    seed: str | None

    @classmethod
    def of(cls, arguments: list[str], seed: str | None) -> Run:
        end = arguments.index("sha256:1234")
        flags = re.sub(r"\n(?!-)", "=", "\n".join(arguments[:end])).split("\n")
        mounts = {}
        for flag in flags:
            if found := re.fullmatch(r"--mount=type=bind,source=(.*),target=(.*?)(,readonly)?", flag):
                assert found[1] not in mounts
                mounts[found[1]] = (found[2], "read" if found[3] else "write")
        return cls([flag for flag in flags if not flag.startswith("--mount=type=bind,")], mounts, arguments[end + 1:], seed)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    folder, programs, log, image = (tmp_path / name for name in ("my course", "programs", "log", "image"))
    folder.mkdir()
    programs.mkdir()
    for name in MADE_OF:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for engine in ("docker", "podman"):
        _program(programs / engine, ENGINE.format(python=sys.executable, log=str(log), image=str(image)))
    return Course(folder, log, image, f"{programs}:{os.environ['PATH']}")


def _program(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)


def _system(course: Course, name: str) -> None:
    _program(Path(course.path.split(":")[0]) / "uname", f"#!/bin/sh\necho {name}\n")


# --- what is mounted --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["grade", "similar"])
def test_it_mounts_what_it_reads_for_reading_and_its_output_for_writing_and_nothing_else(course: Course, target: str) -> None:
    here = str(course.folder)
    assert course.ran(target, "CONTAINER=docker").mounts == {
        f"{here}/{name}": (f"/course{here}/{name}", mode) for name, mode in (
            ("reference/attention", "read"), ("student_template/attention/attention.ipynb", "read"),
            ("student_template/attention/relations.py", "read"), ("submissions/attention", "read"), ("grades/attention", "write"))}
    assert (course.folder / "grades/attention").is_dir(), "an engine would make it, as root's"


def test_a_release_reads_all_that_students_get_and_writes_into_dist(course: Course) -> None:
    handout = ("attention.ipynb", "relations.py", "README.md", "Makefile")
    read = ["reference/attention", *(f"student_template/attention/{name}" for name in handout)]
    here = str(course.folder)
    assert {source: mode for source, (_, mode) in course.ran("release", "CONTAINER=docker").mounts.items()} == {
        **{f"{here}/{name}": "read" for name in read}, f"{here}/dist": "write"}
    assert (course.folder / "dist").is_dir()


@pytest.mark.parametrize("given", ["a b", "two  spaces/it's", "../beside/class.zip", "{tmp}/far away/class", "./a/"])
def test_a_path_means_the_same_inside_as_outside(course: Course, tmp_path: Path, given: str) -> None:
    given = given.format(tmp=tmp_path)
    run = course.ran("grade", "CONTAINER=podman", f"SUBMISSIONS={given}", f"OUT={given} out")
    outside = os.path.normpath(course.folder / given)
    assert run.mounts[outside] == (f"/course{outside}", "read")
    assert run.mounts[os.path.normpath(course.folder / f"{given} out")][1] == "write"
    (place,) = [flag.partition("=")[2] for flag in run.flags if flag.startswith("--workdir=")]
    assert os.path.normpath(os.path.join(place, run.told[1])) == f"/course{outside}"


@pytest.mark.parametrize(("arguments", "writable"), [
    (["selfcheck"], []),  # the hand-out itself is the default notebook, and the template too
    (["selfcheck", "NOTEBOOK=reference/attention/attention.ipynb"], []),
    (["verify"], ["grades"]),
    (["grade", "SUBMISSIONS=submissions/attention", "OUT=submissions/attention/"], ["submissions/attention"]),
    (["grade", "ASSIGNMENT=reference/attention/"], ["grades/attention"]),
])
def test_no_path_is_mounted_twice(course: Course, arguments: list[str], writable: list[str]) -> None:
    run = course.ran(*arguments, "CONTAINER=docker")  # which refuses two mounts of one source
    assert [source for source, (_, mode) in run.mounts.items() if mode == "write"] == [f"{course.folder}/{w}" for w in writable]
    assert {f"{course.folder}/reference/attention", f"{course.folder}/student_template/attention/attention.ipynb"} <= {*run.mounts}


# --- what it may do ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["grade", "selfcheck", "release", "verify", "doctor", "similar"])
@pytest.mark.parametrize(("engine", "system", "root"), [
    ("docker", "Darwin", True), ("docker", "Linux", False), ("podman", "Linux", True), ("podman", "Darwin", True)])
def test_the_container_gets_no_network_and_no_right_that_is_not_needed(
    course: Course, target: str, engine: str, system: str, root: bool
) -> None:
    _system(course, system)
    more = {"--user=0:0", "--tmpfs=/course:mode=0700", "--cap-add=SETUID", "--cap-add=SETGID", "--cap-add=KILL",
            "--cap-add=DAC_OVERRIDE"}
    you = {f"--user={os.getuid()}:{os.getgid()}", "--tmpfs=/course:mode=0755"}
    flags = course.ran(target, f"CONTAINER={engine}").flags
    assert sorted(flags) == sorted(HARMLESS | (more if root else you) | {f"--workdir=/course{course.folder}"})


def test_the_user_inside_can_be_chosen(course: Course) -> None:
    _system(course, "Linux")
    assert "--user=0:0" in course.ran("grade", "CONTAINER=docker", "CONTAINER_USER=root").flags


# --- the seed ---------------------------------------------------------------------------------------------------------


def test_the_seed_is_made_once_for_the_owner_alone_and_never_told_on_a_command_line(course: Course) -> None:
    file = course.folder / "reference/attention/.seed"
    first = course.ran("grade", "CONTAINER=docker")
    seed = file.read_text()
    assert re.fullmatch("[0-9a-f]{32}", seed)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    second = course.ran("verify", "CONTAINER=docker")
    assert file.read_text() == seed
    assert seed not in repr((first, second))


def test_a_seed_in_the_environment_is_handed_on_unseen(course: Course) -> None:
    run = course.ran("grade", "CONTAINER=docker", GRADER_SEED="hush-hush")
    assert run.seed == "hush-hush"
    assert "hush-hush" not in repr((run.flags, run.told))
    assert not (course.folder / "reference/attention/.seed").exists()


@pytest.mark.parametrize("target", ["selfcheck", "release", "similar"])
def test_what_draws_no_hidden_cases_makes_no_seed(course: Course, target: str) -> None:
    course.ran(target, "CONTAINER=docker")
    assert not (course.folder / "reference/attention/.seed").exists()


# --- the image --------------------------------------------------------------------------------------------------------


def test_the_image_is_built_once_and_again_after_a_change_or_when_it_is_gone(course: Course) -> None:
    def date(name: str, seconds: float) -> None:
        os.utime(course.folder / name, (seconds, seconds))

    changes: list[Callable[[], None]] = [
        lambda: None, lambda: None, lambda: date("grader/cli.py", 2e9), lambda: date("build/image-docker", 2.1e9),
        course.image.unlink]
    counts = []
    for change in changes:
        change()
        course.ran("selfcheck", "CONTAINER=docker")
        counts.append(course.builds())
    assert counts == [1, 0, 1, 0, 1]


def test_without_container_no_engine_is_asked_and_another_engine_is_refused(course: Course) -> None:
    plain = course.make("-n", "grade")
    assert '.venv/bin/grader grade "submissions/attention" --assignment "reference/attention"' in plain.stdout
    assert course.make("grade", "CONTAINER=lxc").stderr.strip().endswith("CONTAINER=lxc: give docker or podman.  Stop.")
    assert course.asked() == []


def _copies() -> list[tuple[str, str]]:
    return re.findall(r"^COPY (\S+) (\S+)$", (ROOT / "Containerfile").read_text(), re.MULTILINE)


def _in_context(path: str) -> bool:
    """Whether an engine would send this file to the build, by .dockerignore's rule: the last line that fits decides."""
    parts, kept = path.split("/"), True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        depths = range(1, len(parts) + 1)
        anywhere = pattern.startswith("**/") and any(fnmatchcase(part, pattern[3:]) for part in parts)
        if line and not line.startswith("#") and (anywhere or any(fnmatchcase("/".join(parts[:n]), pattern) for n in depths)):
            kept = line.startswith("!")
    return kept


@pytest.mark.parametrize("path", [
    ".git/config", ".venv/bin/python", "reference/attention/solution.py", "reference/attention/.seed", "grader/.seed",
    "submissions/attention/ada-okafor.ipynb", "grades/attention/grades.csv", "student_template/attention/attention.ipynb",
    "tests/data/x", "requirements/dev.txt", "grader/__pycache__/cli.cpython-311.pyc", "build/image-docker", "Makefile"])
def test_nothing_of_the_course_gets_into_the_image(path: str) -> None:
    assert not _in_context(path)


def test_all_that_the_image_copies_is_there_and_all_of_the_grader_gets_in() -> None:
    assert dict(_copies()).keys() == {"grader", "requirements/run.txt"}
    files = [file for source, _ in _copies() for file in (ROOT / source, *(ROOT / source).rglob("*")) if file.is_file()]
    wanted = [file for file in files if "__pycache__" not in file.parts]
    assert {ROOT / "grader/sandbox/inside.py", ROOT / "grader/sandbox/answering.py"} <= set(wanted)
    assert ROOT / "requirements/run.txt" in wanted
    assert all(_in_context(str(file.relative_to(ROOT))) for file in wanted)


def test_nothing_is_put_where_student_code_may_read() -> None:
    mounted = re.findall(r"target=(/\w+)", (ROOT / "container.mk").read_text())
    places = [*(target for _, target in _copies()), *mounted]
    assert len(places) == 3
    for place in map(Path, places):
        assert not any(place.is_relative_to(tree) for tree in SYSTEM_LIBRARIES)
        assert "site-packages" not in place.parts
        assert not place.is_relative_to("/opt/venv")
