"""What a run that broke off has left on disk -> the results that need no second run.

A result stands when the same grader graded the same files with the same assignment, secret and sandbox, and its page is there
too. What the harness could not judge last time is always done again. Runs no student code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from grader.model import Result, Submission
from grader.pipeline import Course, digest_hand_in, read_files, receipt_of
from grader.sandbox import Box
from grader.target import read_result

OUR_FAULTS = frozenset({"sandbox_failed", "grader_failed", "unreadable_file"})


def find_finished(submissions: Sequence[Submission], course: Course, out: Path, box: Box) -> Mapping[int, Result]:
    """Return the results on disk that still stand, by the submission's index; `box` is one as this run would use."""
    found = ((index, _standing(submission, course, out, box)) for index, submission in enumerate(submissions))
    return {index: result for index, result in found if result is not None}


def _standing(submission: Submission, course: Course, out: Path, box: Box) -> Result | None:
    result = read_result(out, submission.id)
    if result is None or submission.problem or not (out / "feedback" / f"{submission.id}.html").is_file():
        return None
    if any(problem.code in OUR_FAULTS for problem in result.attention):
        return None
    hand_in = digest_hand_in(read_files(submission, course.assignment.notebook_mb))
    now = receipt_of(course, box, hand_in)
    return result if replace(result.receipt, graded=now.graded) == now else None
