"""Many submissions over worker processes: one box each, results on disk as they come, no submission without a result.

A submission whose worker dies or falls silent is tried once more, and then reported as needing attention.
"""

from __future__ import annotations

import contextlib
import errno
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from grader.crew import Crew, Failed
from grader.errors import GraderError, SandboxError
from grader.messages import say
from grader.model import Graded, Result, Submission
from grader.pipeline import Course, demands_of, give_up, grade, open_box
from grader.report import decode_result, encode_result, render_student, write_file
from grader.sandbox import Box, Demands

TRIES = 2
SPARE_SECONDS = 60.0
"""What a worker may take beyond its exercises' own wall limits before it counts as stuck."""


FOLDERS = ("results", "feedback")


class WriteError(GraderError):
    """A result could not be written; the run ends, since the next one could not either."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"{error.filename}: {error.strerror}\n  mend: {_MENDS.get(error.errno or 0, 'give another --out')}")


_AGAIN = "then run the same command with --resume (make: RESUME=yes), which does only what is missing"
_MENDS = {
    errno.ENOSPC: f"make room on that disk, {_AGAIN}",
    errno.EDQUOT: f"make room within your quota, {_AGAIN}",
    errno.EIO: f"look after that disk, {_AGAIN}",
}


def grade_all(
    submissions: Sequence[Submission], course: Course, out: Path, jobs: int, done: Callable[[Result], None],
    demands: Demands | None = None, finished: Mapping[int, Result] | None = None,
) -> list[Result]:
    """Grade and write every submission; `done` hears of each result as it comes. Raises WriteError.

    The results come back in the order of the submissions. `finished` holds those that stand on disk already, by index.
    """
    try:
        for folder in FOLDERS:
            (out / folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(error) from None
    results = dict(finished or {})
    left = [index for index in range(len(submissions)) if index not in results]
    desk = _Desk(submissions, course, out, demands or demands_of(course.assignment))
    limits = course.assignment.limits
    patience = SPARE_SECONDS + 4 * limits.wall_seconds * len(course.assignment.exercises)
    crew = Crew(left, jobs, desk.open, patience=patience, tries=TRIES)
    try:
        for index, answer in crew.run():
            result = _understand(desk.give_up(index, answer) if isinstance(answer, Failed) else answer)
            results[index] = result
            done(result)
        return [results[index] for index in range(len(submissions))]
    finally:
        crew.stop()


class _Desk:
    """What a worker does: one box, one submission after the other."""

    def __init__(self, submissions: Sequence[Submission], course: Course, out: Path, demands: Demands) -> None:
        self.submissions, self.course, self.out, self.demands = submissions, course, out, demands

    @contextlib.contextmanager
    def open(self) -> Iterator[Callable[[int], bytes]]:
        """Open the box; gives what grades a submission, writes it, and answers with its result."""
        with open_box(self.course.assignment, self.demands) as box:
            with contextlib.suppress(SandboxError):  # each submission will say so
                box.start()
            yield lambda index: self._finish(self.submissions[index], box)

    def give_up(self, index: int, failed: Failed) -> bytes:
        """Write the result of a submission that no worker could finish."""
        message = say("The grader could not finish this submission: it {reason}, {count} times. A person has to look at it.",
                      reason=failed.reason, count=TRIES)
        return _write(give_up(self.submissions[index], self.course, "grader_failed", message), self.course, self.out)

    def _finish(self, submission: Submission, box: Box) -> bytes:
        try:
            graded = grade(submission, self.course, box)
        except Exception as error:  # a fault of ours in one submission must not cost the class its marks
            message = say("The grader failed on this submission ({kind}: {error}). A person has to look at it.",
                          kind=type(error).__name__, error=f"{error!s:.200}")
            graded = give_up(submission, self.course, "grader_failed", message, box)
        try:
            return _write(graded, self.course, self.out)
        except OSError as error:
            return json.dumps({"write_error": [error.errno, error.strerror, str(error.filename)]}).encode()


def _write(graded: Graded, course: Course, out: Path) -> bytes:
    """Write one submission's result and page; the page first, so that a result never lacks one."""
    data = encode_result(graded.result)
    name = graded.result.submission.id
    write_file(out / "feedback" / f"{name}.html", render_student(graded, course.assignment))
    write_file(out / "results" / f"{name}.json", data)
    return data


def _understand(message: bytes) -> Result:
    if message.startswith(b'{"write_error"'):
        raise WriteError(OSError(*json.loads(message)["write_error"]))
    return decode_result(message)
