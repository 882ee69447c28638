"""The self-check's command line: one notebook as last saved, once, or whenever it is saved."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import SandboxError
from grader.student.set_up import SetUpError, find_python, has_all, run_again
from grader.student.watch import saves

if TYPE_CHECKING:
    from grader.student.outcome import Outcome
    from grader.student.public import PublicCourse
    from grader.student.words import Words

GOOD, NOT_GOOD, WRONG = 0, 1, 2
OLDEST = 10 * 365 * 86400.0  # seconds; the zip has no dates, so that what comes out of it is older
PLAIN = str.maketrans({"✓": "+", "✗": "x", "–": "-", "√": "sqrt ", "ᵀ": "^T"})
"""Signs for a console or a pipe whose encoding lacks them: a question mark would not tell passed from failed."""
HIDDEN = ".selfcheck"
"""The folder beside the self-check that holds what it sets up and remembers; it may be deleted at any time."""


class NotFoundError(Exception):
    """There is no notebook to check; the text says where one was looked for."""


def main(
    arguments: Sequence[str], script: Path, notebook: str, requirements: Sequence[str], load: Callable[[], PublicCourse]
) -> int:
    """Carry out the command; `notebook` is the hand-out's file name, `load` unpacks the course. Returns the exit status."""
    options = _parser(notebook).parse_args(arguments)
    _speak_utf8()
    try:
        file = find_notebook(options.notebook, notebook, script.parent, Path.cwd())
        folder = script.parent / HIDDEN / "venv"
        if Path(sys.prefix) != folder and not (has_all() and _can_convert()):
            return run_again(find_python(folder, requirements, _tell), script, arguments)
    except (NotFoundError, SetUpError) as error:
        print(error, file=sys.stderr)
        return WRONG
    course = load()
    try:
        for _ in saves(file) if options.watch else [None]:
            status = _check(file, course, script.parent, watched=options.watch)
    except KeyboardInterrupt:
        return GOOD if options.watch else NOT_GOOD
    return status


def _can_convert() -> bool:
    from grader.extract.convert import can_convert

    return can_convert()


def _parser(notebook: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="selfcheck", description="Runs the public checks on your notebook, as it was last saved, and says what to look at.",
        epilog="Exit status: 0 all public checks pass; 1 not all do; 2 there is no such notebook, or no Python to check it with.")
    parser.add_argument("notebook", nargs="?", type=Path,
                        help=f"your notebook (default: {notebook}, here or beside the self-check)")
    parser.add_argument("--watch", action="store_true", help="check again whenever the notebook is saved")
    return parser


def find_notebook(given: Path | None, usual: str, beside: Path, here: Path) -> Path:
    """The notebook that is meant; raises NotFoundError with what there is instead."""
    if given is not None:
        if given.is_file():
            return given
        if given.is_dir() and (given / usual).is_file():
            return given / usual
        place = given if given.is_dir() else given.parent
        problem = f"{given}: this is a folder without {usual}" if given.is_dir() else f"{given}: there is no such file"
        raise NotFoundError(f"{problem}. {_what_is_in(place)}")
    for folder in (here, beside):
        if (folder / usual).is_file():
            return folder / usual
    only = sorted(here.glob("*.ipynb"))
    if len(only) == 1:
        return only[0]
    raise NotFoundError(f"There is no {usual} in {here}. Go to the folder that holds your notebook, or name it: "
                        f"python selfcheck.py path/to/your.ipynb. {_what_is_in(here)}")


def _what_is_in(folder: Path) -> str:
    found = sorted(file.name for file in folder.glob("*.ipynb"))[:5] if folder.is_dir() else []
    return f"Notebooks in {folder}: {', '.join(found)}." if found else f"There is no notebook in {folder}."


def _check(file: Path, course: PublicCourse, home: Path, *, watched: bool) -> int:
    from grader.student.outcome import check_notebook
    from grader.student.run_here import run_here
    from grader.student.telling import as_text, make_report, tell_versions
    from grader.student.tries import choose_hints
    from grader.student.words import WORDS

    task, words = course.task, WORDS[course.task.lang]
    try:
        content, saved = file.read_bytes(), file.stat().st_mtime
    except OSError as error:
        print(f"{file}: {error.strerror}", file=sys.stderr)
        return WRONG
    _tell(f"{_say_when(file.name, time.time() - saved, words)}\n")  # before what may take some seconds
    inert = (*task.imports.inert, *task.imports.forbidden)
    try:
        outcome = check_notebook(content, course, lambda program, calls: run_here(program, calls, task.limits, inert))
    except SandboxError as error:
        print(error, file=sys.stderr)
        return WRONG
    remarks = (*_remarks(file, outcome, words), *tell_versions(course))
    report = make_report(outcome, task, choose_hints(outcome, task, home / HIDDEN / "tries.json"), remarks)
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    _tell(as_text(report, colour=colour))
    if watched:
        _tell(f"\n{words.watching.format(file=file.name)}")
    return GOOD if report.good else NOT_GOOD


def _say_when(name: str, age: float, words: Words) -> str:
    from grader.student.words import tell_age

    return words.handed_out.format(file=name) if age > OLDEST else words.read.format(file=name, ago=tell_age(age, words))


def _remarks(file: Path, outcome: Outcome, words: Words) -> tuple[str, ...]:
    """What is said at the end: that code ran without walls, or, where there was none, which notebooks lie beside this one."""
    if any(one.verdict != "missing" for one in outcome.exercises.values()):
        return (words.without_walls,)
    others = sorted(one.name for one in file.parent.glob("*.ipynb") if one.name != file.name)[:5]
    return (words.others.format(names=", ".join(others), first=f'"{others[0]}"'),) if others else ()


def _tell(text: str) -> None:
    """At once, since what follows may take long, also where a pipe or an editor shows it."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = text.translate(PLAIN)
    print(text, flush=True)


def _speak_utf8() -> None:
    """A Windows console may have another encoding, in which √ and ᵀ would end the program."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
