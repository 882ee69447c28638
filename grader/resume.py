"""What a run that broke off has left on disk -> the results that need no second run, and a folder that one run writes at a time.

A result stands when the same grader graded the same files with the same assignment, secret and sandbox, and its page is there
too. What the harness could not judge last time is always done again. Runs no student code.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from grader.distribute import FOLDERS, WriteError
from grader.errors import UsageError
from grader.model import Result, Submission
from grader.pipeline import Course, digest_hand_in, read_files, receipt_of
from grader.report import UNFINISHED, decode_result
from grader.sandbox import Box

OUR_FAULTS = frozenset({"sandbox_failed", "grader_failed", "unreadable_file"})


def find_finished(submissions: Sequence[Submission], course: Course, out: Path, box: Box) -> Mapping[int, Result]:
    """Return the results on disk that still stand, by the submission's index; `box` is one as this run would use."""
    found = ((index, _standing(submission, course, out, box)) for index, submission in enumerate(submissions))
    return {index: result for index, result in found if result is not None}


def _standing(submission: Submission, course: Course, out: Path, box: Box) -> Result | None:
    file = out / "results" / f"{submission.id}.json"
    try:
        result = decode_result(file.read_bytes()) if file.is_file() else None  # a pipe or a device would be read for ever
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if result is None or submission.problem or not (out / "feedback" / f"{submission.id}.html").is_file():
        return None
    if result.submission.id != submission.id or any(problem.code in OUR_FAULTS for problem in result.attention):
        return None
    hand_in = digest_hand_in(read_files(submission, course.assignment.notebook_mb))
    return result if result.receipt == receipt_of(course, box, hand_in) else None


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
