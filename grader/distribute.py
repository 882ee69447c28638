"""Many submissions over worker processes: one box each, results on disk as they come, no submission without a result.

Forked workers take submissions one by one and answer with the result's JSON. One that dies or falls silent is replaced; its
submission is tried once more and then reported as needing attention. What a worker sends is never unpickled. Workers die with
the process that hired them, so that a run which was killed writes nothing more.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path

from grader.errors import GraderError, SandboxError
from grader.model import Graded, Result, Submission
from grader.pipeline import Course, demands_of, give_up, grade, open_box
from grader.report import decode_result, encode_result, render_student, write_file
from grader.sandbox import Box, Demands

PR_SET_PDEATHSIG = 1  # linux/prctl.h
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


@dataclass(eq=False)
class _Worker:
    process: ForkProcess
    pipe: Connection
    task: int | None = None
    deadline: float = field(default=float("inf"))


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
    crew = _Crew(submissions, left, course, out, min(jobs, len(left)), demands or demands_of(course.assignment))
    try:
        for index, result in crew.run():
            results[index] = result
            done(result)
        return [results[index] for index in range(len(submissions))]
    finally:
        crew.stop()


class _Crew:
    """The workers of one run and what each is busy with."""

    def __init__(
        self, submissions: Sequence[Submission], left: Sequence[int], course: Course, out: Path, size: int, demands: Demands
    ) -> None:
        """`left`: indexes of the submissions that are still to be graded."""
        self.submissions, self.course, self.out, self.demands = submissions, course, out, demands
        self.waiting = deque(left)
        self.tries = [0] * len(submissions)
        limits = course.assignment.limits
        self.patience = SPARE_SECONDS + 4 * limits.wall_seconds * len(course.assignment.exercises)
        self.workers: list[_Worker] = []
        for _ in range(size):
            self.workers.append(self._hire())

    def run(self) -> Iterator[tuple[int, Result]]:
        """Each submission's index and result, as they come."""
        left = len(self.waiting)
        for worker in self.workers:
            self._assign(worker)
        while left:
            ready = wait([worker.pipe for worker in self.workers if worker.task is not None], timeout=1.0)
            for worker in list(self.workers):
                if worker.pipe in ready or time.monotonic() > worker.deadline:
                    finished = self._hear(worker, answered=worker.pipe in ready)
                    if finished:
                        left -= 1
                        yield finished

    def stop(self) -> None:
        """End all workers, whatever they are doing."""
        for worker in self.workers:
            self._dismiss(worker)

    def _hear(self, worker: _Worker, *, answered: bool) -> tuple[int, Result] | None:
        index = worker.task
        assert index is not None
        reason = "took far longer than its time limits allow"
        if answered:
            try:
                message = worker.pipe.recv_bytes()
            except (EOFError, OSError):
                reason = "ended the process that was grading it"
            else:
                self._assign(worker)
                return index, _understand(message)
        return self._replace(worker, index, reason)

    def _replace(self, worker: _Worker, index: int, reason: str) -> tuple[int, Result] | None:
        self._dismiss(worker)
        self.workers[self.workers.index(worker)] = fresh = self._hire()
        if self.tries[index] < TRIES:
            self.waiting.appendleft(index)
            self._assign(fresh)
            return None
        self._assign(fresh)
        submission = self.submissions[index]
        message = f"The grader could not finish this submission: it {reason}, {TRIES} times. A person has to look at it."
        graded = give_up(submission, self.course, "grader_failed", message)
        return index, _understand(_write(graded, self.course, self.out))

    def _assign(self, worker: _Worker) -> None:
        worker.task, worker.deadline = None, float("inf")
        if self.waiting:
            worker.task = self.waiting.popleft()
            self.tries[worker.task] += 1
            worker.deadline = time.monotonic() + self.patience
            with contextlib.suppress(OSError):  # it has died; its pipe tells when it is listened to
                worker.pipe.send_bytes(str(worker.task).encode())

    def _hire(self) -> _Worker:
        ours, theirs = multiprocessing.Pipe()
        others = [worker.pipe for worker in self.workers] + [ours]
        process = multiprocessing.get_context("fork").Process(target=self._work, args=(theirs, others, os.getpid()), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _dismiss(self, worker: _Worker) -> None:
        worker.pipe.close()
        if worker.task is not None:
            worker.process.kill()
        worker.process.join(timeout=10)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()

    def _work(self, pipe: Connection, others: Sequence[Connection], hired_by: int) -> None:
        """A worker's life: until the pipe closes, take an index, grade, write, answer."""
        die_with_parent(hired_by)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for other in others:  # or a worker would never see its own pipe close
            other.close()
        with open_box(self.course.assignment, self.demands) as box:
            with contextlib.suppress(SandboxError):  # each submission will say so
                box.start()
            while True:
                try:
                    index = int(pipe.recv_bytes())
                except EOFError:
                    break
                pipe.send_bytes(self._finish(self.submissions[index], box))

    def _finish(self, submission: Submission, box: Box) -> bytes:
        try:
            graded = grade(submission, self.course, box)
        except Exception as error:  # a fault of ours in one submission must not cost the class its marks
            message = f"The grader failed on this submission ({type(error).__name__}: {error:.200}). A person has to look at it."
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


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, however that ends; elsewhere than on Linux, do nothing."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None) if sys.platform == "linux" else None
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def default_jobs() -> int:
    """One worker for each core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
