"""A class's notebooks over worker processes -> Survey of what is much alike. Reads and parses; no student code is run.

Forked workers take hand-ins one by one and answer with JSON. One that dies or falls silent costs its hand-in alone, which is then
named as not compared; another takes its place.
"""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess

import msgspec

from grader.assignment import Assignment
from grader.distribute import die_with_parent
from grader.extract import Template, extract, read_template
from grader.extract.convert import convert_cells
from grader.model import HandIn, Submission, Survey
from grader.pipeline import read_files
from grader.similar import Given, read_hand_in, survey, take_as_given

PATIENCE = 60.0
"""Seconds that reading one hand-in may take; it takes some hundredths."""


@dataclass(frozen=True, eq=False)
class Task:
    """What every hand-in of a run is read with; `blank` are digests of files that nobody wrote: the hand-out, an empty one."""

    assignment: Assignment
    template: Template
    given: Given
    blank: frozenset[str]


def compare(
    submissions: Sequence[Submission], assignment: Assignment, jobs: int, done: Callable[[], None], *, even_short: bool = False
) -> Survey:
    """Read every hand-in and say which are much alike; `done` hears of each. Raises AssignmentError."""
    task = make_task(assignment)
    crew = _Crew(submissions, task, min(jobs, len(submissions)))
    found = []
    try:
        for hand_in in crew.run():
            found.append(hand_in)
            done()
    finally:
        crew.stop()
    return survey(found, task.given, even_short=even_short)


def make_task(assignment: Assignment) -> Task:
    """Read what everybody was given, and the ways of writing it that the assignment knows."""
    template = read_template(assignment)
    cells = [cell.source for cell in convert_cells(template.cells)]
    files = (assignment.folder / name for name in ("solution.py", "misconceptions.py"))
    ways = [file.read_text(encoding="utf-8") for file in files if file.exists()]
    blank = frozenset(hashlib.sha256(content).hexdigest() for content in (b"", assignment.template.read_bytes()))
    return Task(assignment, template, take_as_given(cells, ways, frozenset(assignment.exercises)), blank)


def read_submission(submission: Submission, task: Task) -> HandIn:
    """The notebook of a hand-in that defines most, as what is compared."""
    if submission.problem:
        return HandIn(submission.id, submission.source, problem=submission.problem.message)
    best, most = HandIn(submission.id, submission.source, problem="The file could not be read."), -2
    for reading in read_files(submission, task.assignment.notebook_mb):
        one = HandIn(submission.id, reading.source, problem=reading.problem.message if reading.problem else "")
        worth = -1
        if not reading.problem:
            digest = hashlib.sha256(reading.content).hexdigest()
            one = replace(one, sha256="" if digest in task.blank else digest)
            extraction = extract(reading.content, task.assignment, task.template)
            worth = sum(piece.state == "defined" for piece in extraction.slices.values())
            one = read_hand_in(one, extraction.slices, task.given)
            if extraction.problem:
                one, worth = replace(one, problem=extraction.problem.message), -1
        if worth > most:
            best, most = one, worth
    return best


@dataclass(eq=False)
class _Worker:
    process: ForkProcess
    pipe: Connection
    task: int | None = None
    deadline: float = float("inf")


class _Crew:
    """The workers of one run and what each is busy with."""

    def __init__(self, submissions: Sequence[Submission], task: Task, size: int) -> None:
        self.submissions, self.task = submissions, task
        self.waiting = deque(range(len(submissions)))
        self.workers: list[_Worker] = []
        for _ in range(size):
            self.workers.append(self._hire())

    def run(self) -> Iterator[HandIn]:
        """Each hand-in, as they come."""
        for worker in self.workers:
            self._assign(worker)
        while busy := [worker for worker in self.workers if worker.task is not None]:
            ready = wait([worker.pipe for worker in busy], timeout=1.0)
            for worker in busy:
                if worker.pipe in ready or time.monotonic() > worker.deadline:
                    yield self._hear(worker, answered=worker.pipe in ready)

    def stop(self) -> None:
        """End all workers, whatever they are doing."""
        for worker in self.workers:
            worker.process.kill()
            worker.process.join()
            worker.pipe.close()

    def _hear(self, worker: _Worker, *, answered: bool) -> HandIn:
        assert worker.task is not None
        if answered:
            with contextlib.suppress(EOFError, OSError):
                message = worker.pipe.recv_bytes()
                self._assign(worker)
                return msgspec.json.decode(message, type=HandIn)
        submission = self.submissions[worker.task]
        self._replace(worker)
        why = "It ended the process that read it." if answered else "Reading it took too long."
        return HandIn(submission.id, submission.source, problem=why)

    def _replace(self, worker: _Worker) -> None:
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        self.workers.remove(worker)
        fresh = self._hire()
        self.workers.append(fresh)
        self._assign(fresh)

    def _assign(self, worker: _Worker) -> None:
        worker.task, worker.deadline = None, float("inf")
        if self.waiting:
            worker.task, worker.deadline = self.waiting.popleft(), time.monotonic() + PATIENCE
            with contextlib.suppress(OSError):  # it has died; its pipe tells when it is listened to
                worker.pipe.send_bytes(str(worker.task).encode())

    def _hire(self) -> _Worker:
        ours, theirs = multiprocessing.Pipe()
        others = [worker.pipe for worker in self.workers] + [ours]
        process = multiprocessing.get_context("fork").Process(target=self._work, args=(theirs, others, os.getpid()), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _work(self, pipe: Connection, others: Sequence[Connection], hired_by: int) -> None:
        """A worker's life: until the pipe closes, take an index, read, answer."""
        die_with_parent(hired_by)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for other in others:  # or a worker would never see its own pipe close
            other.close()
        while True:
            try:
                index = int(pipe.recv_bytes())
            except EOFError:
                break
            pipe.send_bytes(self._answer(self.submissions[index]))

    def _answer(self, submission: Submission) -> bytes:
        try:
            return _encode(read_submission(submission, self.task))
        except Exception as error:  # a fault of ours in one hand-in must not cost the class its comparison
            why = f"The grader failed on it ({type(error).__name__})."
            return _encode(HandIn(submission.id, submission.source, problem=why))


def _encode(hand_in: HandIn) -> bytes:
    try:
        return msgspec.json.encode(hand_in)
    except UnicodeEncodeError:  # half a surrogate pair in a student's text
        return msgspec.json.encode(_whole(hand_in))


def _whole(hand_in: HandIn) -> HandIn:
    """With every half surrogate pair replaced."""
    listings = (replace(listing, source=_mend(listing.source)) for listing in hand_in.listings)
    return replace(hand_in, id=_mend(hand_in.id), source=_mend(hand_in.source), listings=tuple(listings))


def _mend(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
