"""The folder that results go to: whose it is, one run at a time, and what of an earlier run has to go.

Touches nothing but results of ours and their pages: everything else there is somebody's.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
from collections.abc import Iterable, Iterator, Set
from pathlib import Path

import msgspec

from grader.distribute import FOLDERS, WriteError
from grader.errors import UsageError
from grader.model import Result
from grader.report import GENERATOR, SIMILAR, UNFINISHED, compared_class, decode_result, digest_class

EARLIER = "earlier"
OVER_ALL = ("index.html", "grades.csv")
MOST_HEAD = 4_000
"""Bytes of a page that hold what it says of itself, before its style sheet."""


def check_target(out: Path, submissions: Path) -> None:
    """Raise UsageError where a run would write over what is not its own: hand-ins, or somebody's files."""
    if out.resolve() == submissions.resolve():
        raise UsageError(f"{out}: holds the submissions\n  mend: give another --out")
    strange = [name for name in OVER_ALL if (out / name).exists()]
    if strange and not _is_ours(out):
        raise UsageError(f"{out}: holds {' and '.join(strange)} that the grader did not write\n  mend: give another --out")


def _is_ours(out: Path) -> bool:
    """Whether a run has written here: it leaves a page that says so, and results before any page."""
    page = out / "index.html"
    with contextlib.suppress(OSError):
        if page.is_file() and GENERATOR.encode() in page.read_bytes():
            return True
    return any(read_result(out, file.stem) for file in (out / "results").glob("*.json"))


def read_result(out: Path, name: str) -> Result | None:
    """The submission's result as it stands on disk; None when there is none, or something else in its place."""
    file = out / "results" / f"{name}.json"
    try:
        result = decode_result(file.read_bytes()) if file.is_file() else None  # a pipe or a device would be read for ever
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return result if result and result.submission.id == name else None


def pages_in(out: Path, ids: Iterable[str]) -> frozenset[str]:
    """Those of the submissions whose page stands in the folder."""
    return frozenset(name for name in ids if _is_file(out / "feedback" / f"{name}.html"))


def is_compared(out: Path, results: Iterable[Result]) -> bool:
    """Whether the page of what is much alike is there and of these very hand-ins, not of another class or of earlier files."""
    page = out / SIMILAR
    try:
        with page.open("rb") if page.is_file() else io.BytesIO() as file:
            compared = compared_class(file.read(MOST_HEAD))
    except OSError:
        return False
    return compared == digest_class((result.submission.id, result.submission.sha256) for result in results)


def _is_file(file: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):  # a name too long, or none at all
        return file.is_file()
    return False


def set_aside(out: Path, ids: Set[str]) -> int:
    """Move results of ours, and their pages, whose submissions are not among `ids`, to OUT/earlier. Raises WriteError.

    Returns how many: a class that was graded into the folder of another, or one student of it, costs nobody a result.
    """
    names = [file.stem for file in (out / "results").glob("*.json") if file.stem not in ids and read_result(out, file.stem)]
    try:
        for name in names:
            for folder, suffix in (("feedback", ".html"), ("results", ".json")):
                _move(out / folder / f"{name}{suffix}", out / EARLIER / folder)
    except OSError as error:
        raise WriteError(error) from None
    return len(names)


def _move(file: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        file.replace(folder / file.name)


@contextlib.contextmanager
def only_run(out: Path) -> Iterator[None]:
    """Keep a second run out of a folder while this one writes there, and sweep up what a killed one left half written.

    The lock is the kernel's and on the folder itself: it goes with the process, however that ends. Raises UsageError, WriteError.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(out, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise WriteError(error) from None
    try:
        with contextlib.suppress(OSError):  # a network file system without locks
            _lock(descriptor, out)
        for folder in (out, *(out / name for name in FOLDERS)):
            for file in folder.glob(f"{UNFINISHED}*"):
                with contextlib.suppress(OSError):  # what cannot be deleted is none of ours, and in nobody's way
                    file.unlink()
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, out: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(f"{out}: another run is writing there; wait for it, or give another --out") from None
