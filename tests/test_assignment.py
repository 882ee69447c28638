"""A teacher's mistakes stop early, with file, key and mend; the assignment that ships has none."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest

from grader.assignment import Assignment, load_assignment
from grader.errors import AssignmentError
from grader.pipeline import prepare
from tests.support import ROOT

SIGNALS = ROOT / "tests" / "assignments" / "signals"

MISTAKES = [
    # file, what to replace, by what, key that must be named, a word of the mend
    ("assignment.toml", 'title = "Smoothing a signal"', "title = 3", "title", "kind"),
    ("assignment.toml", 'title = "Smoothing a signal"', "titel = 3", "(top)", "did you mean title"),
    ("assignment.toml", 'title = "Smoothing a signal"', 'title = "', "line 1", "line"),
    ("assignment.toml", 'template = "handout.ipynb"', 'template = "lost.ipynb"', "template", "path"),
    ("assignment.toml", 'title = "Smoothing a signal"', 'title = "x"\nrelease_hidden = 2027-01-31T18:00:00', "release_hidden", "offset"),
    ("assignment.toml", 'title = "Smoothing a signal"', 'title = "x"\nrelease_hidden = "soon"', "release_hidden", "kind"),
    ("assignment.toml", "points = 6", "points = -6", "exercises.smooth.points", "above 0"),
    ("assignment.toml", "points = 6", 'points = "six"', "exercises.smooth.points", "kind"),
    ("assignment.toml", "points = 6", "points = inf", "exercises.smooth.points", "above 0"),
    ("assignment.toml", "points = 6", "point = 6", "exercises.smooth", "did you mean points"),
    ("assignment.toml", 'template = ', 'temlate = ', "(top)", "did you mean template"),
    ("assignment.toml", 'title = "Smoothing a signal"', 'title = "x"\nsandbox = "none"', "sandbox", "choose from limits, inner wall, both walls"),
    ("assignment.toml", 'title = "Smoothing a signal"', 'title = "x"\nlang = "fr"', "lang", "choose from en, de"),
    ("assignment.toml", 'title = "Smoothing a signal"', 'title = "x"\nlang = 1', "lang", "kind"),
    ("assignment.toml", 'title = "Smoothing a signal"', 'title = "x"\nlimits.memory_mb = 4', "limits.memory_mb", "32 or more"),
    ("assignment.toml", 'title = "Smoothing a signal"', 'title = "x"\nlimits.cpu_seconds = -1', "limits.cpu_seconds", "or more"),
    ("assignment.toml", 'title = "Smoothing a signal"', 'title = "x"\nlimits.wall_seconds = nan', "limits.wall_seconds", "or more"),
    ("assignment.toml", 'title = "Smoothing a signal"', 'title = "x"\ntolerance.relative = -1e-4', "tolerance.relative", "share"),
    ("assignment.toml", 'builds_on = ["smooth"]', 'builds_on = ["smoth"]', "exercises.residual.builds_on", "smooth"),
    ("assignment.toml", '"values.noise" = 3\n"property', '"values.nose" = 3\n"property', "values.nose", "choose from"),
    ("assignment.toml", '"values.ramp" = 1\n', "", "values.ramp", "0 is allowed"),
    ("assignment.toml", '"values.ramp" = 1\n"values.noise" = 3', '"values.ramp" = 0\n"values.noise" = 0', "marks", "values"),
    ("assignment.toml", 'axes = "time"', 'axes = "time time"', "exercises.smooth.returns[0].axes", "name of its own"),
    ("assignment.toml", 'axes = "time"', 'axes = "row column"', "smooth", "make both agree"),
    ("solution.py", "def smooth(", "def smoth(", "smooth", "reference"),
    ("solution.py", "return np.convolve(", "return np.konvolve(", "line 13", "reference"),
    ("solution.py", "import numpy as np", "import numpyy as np", "line 5", "run"),
    ("solution.py", "np.ones(width) / width", "np.ones(width) / 0", "smooth", "reference"),
    ("solution.py", '"""Reference', '""Reference', "line 1", "run"),
    ("cases.py", "def cases(rng", "def kases(rng", "cases", "define"),
    ("cases.py", 'Case("noise", "noise", (noise, 5)), Case("long"', 'Case("long"', "values.noise", "choose from"),
    ("cases.py", "np.arange(8.0), 3", "list(range(8)), 3", "case 'ramp'", "NumPy arrays"),
    ("cases.py", "both, first + second", "both, first - second", "property 'linear'", "property or the reference"),
    ("cases.py", "first + second)", "first + third)", "line 27", "line"),
    ("cases.py", '"residual": [', '"rest": [', "cases", "residual"),
    ("cases.py", "rng.normal(size=17)", "rng.normal(size=seventeen)", "line 14", "line"),
    ("handout.ipynb", "def residual(", "def rest(", "exercises.residual", "stub"),
    ("handout.ipynb", '"nbformat": 4', '"nbformat": 4,,', "template", "Jupyter"),
]


@pytest.mark.parametrize(("file", "old", "new", "key", "mend"), MISTAKES, ids=[f"{row[0]}-{row[2][:25]}" for row in MISTAKES])
def test_a_mistake_is_told_with_file_key_and_mend(tmp_path: Path, file: str, old: str, new: str, key: str, mend: str) -> None:
    folder = tmp_path / "signals"
    shutil.copytree(SIGNALS, folder)
    source = (folder / file).read_text(encoding="utf-8")
    assert old in source
    (folder / file).write_text(source.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(AssignmentError) as caught:
        prepare(load_assignment(folder), "seed")
    told = str(caught.value)
    assert caught.value.file.name == ("assignment.toml" if file == "handout.ipynb" or "values.noise" in key else file) or (
        "make both agree" in told)
    assert key in told
    assert mend in caught.value.mend


@pytest.mark.parametrize("missing", ["assignment.toml", "solution.py", "cases.py"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    folder = tmp_path / "signals"
    shutil.copytree(SIGNALS, folder)
    (folder / missing).unlink()
    with pytest.raises(AssignmentError, match=missing):
        load_assignment(folder)


def test_the_points_are_those_of_the_course(attention: Assignment) -> None:
    assert {name: exercise.points for name, exercise in attention.exercises.items()} == {
        "self_attention": 40, "multi_head_attention": 40}
    assert {name: question.points for name, question in attention.questions.items()} == {"c": 10, "d": 10}


def test_the_digest_follows_every_file_that_can_move_a_mark(tmp_path: Path) -> None:
    folder = tmp_path / "signals"
    shutil.copytree(SIGNALS, folder)
    digests = [load_assignment(folder).digest]
    for file in ("assignment.toml", "solution.py", "cases.py", "handout.ipynb"):
        with (folder / file).open("a", encoding="utf-8") as stream:
            stream.write("\n")
        digests.append(load_assignment(folder).digest)
    assert len(set(digests)) == 5


def test_hidden_cases_are_released_at_the_moment_that_the_assignment_names(tmp_path: Path) -> None:
    folder = tmp_path / "signals"
    shutil.copytree(SIGNALS, folder)
    file = folder / "assignment.toml"
    assert not load_assignment(folder).shows_hidden(dt.datetime.max.replace(tzinfo=dt.UTC))
    file.write_text("release_hidden = 2027-01-31T18:00:00+01:00\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    released = load_assignment(folder)
    assert not released.shows_hidden(dt.datetime(2027, 1, 31, 16, 59, 59, tzinfo=dt.UTC))
    assert released.shows_hidden(dt.datetime(2027, 1, 31, 17, 0, tzinfo=dt.UTC))
