"""Numbered pieces of work over forked workers: each gets an answer, or the reason why it has none, whatever a worker does.

A worker that dies or falls silent is replaced. What it sends is bytes, never unpickled. Workers die with the process that hired
them, so that a run which was killed writes nothing more. Knows nothing of what is worked on.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess

from grader.messages import say

PR_SET_PDEATHSIG = 1  # linux/prctl.h
TOO_LONG = say("took far longer than its time limits allow")
DIED = say("ended the process that was at work on it")

Work = Callable[[], AbstractContextManager[Callable[[int], bytes]]]
"""Entered once in each worker; gives what answers a number with bytes."""


@dataclass(frozen=True)
class Failed:
    """Why a piece of work has no answer, as the end of a sentence about it."""

    reason: str


@dataclass(eq=False)
class _Worker:
    process: ForkProcess
    pipe: Connection
    task: int | None = None
    deadline: float = float("inf")


class Crew:
    """The workers of one run and what each is busy with."""

    def __init__(self, tasks: Iterable[int], size: int, work: Work, *, patience: float, tries: int = 1) -> None:
        """`patience`: seconds that one piece may take; `tries`: workers that one piece may cost."""
        self.waiting = deque(tasks)
        self.work, self.patience, self.tries = work, patience, tries
        self.tried: Counter[int] = Counter()
        self.workers: list[_Worker] = []
        for _ in range(min(size, len(self.waiting))):
            self.workers.append(self._hire())

    def run(self) -> Iterator[tuple[int, bytes | Failed]]:
        """Each piece's number and answer, as they come."""
        for worker in self.workers:
            self._assign(worker)
        while busy := [worker for worker in self.workers if worker.task is not None]:
            ready = wait([worker.pipe for worker in busy], timeout=1.0)
            for worker in busy:
                if worker.pipe in ready or time.monotonic() > worker.deadline:
                    finished = self._hear(worker, answered=worker.pipe in ready)
                    if finished:
                        yield finished

    def stop(self) -> None:
        """End all workers, whatever they are doing."""
        for worker in self.workers:
            self._dismiss(worker)

    def _hear(self, worker: _Worker, *, answered: bool) -> tuple[int, bytes | Failed] | None:
        index = worker.task
        assert index is not None
        if answered:
            with contextlib.suppress(EOFError, OSError):
                message = worker.pipe.recv_bytes()
                self._assign(worker)
                return index, message
        again = self.tried[index] < self.tries
        if again:
            self.waiting.appendleft(index)
        self._replace(worker)
        return None if again else (index, Failed(DIED if answered else TOO_LONG))

    def _replace(self, worker: _Worker) -> None:
        self._dismiss(worker)
        self.workers[self.workers.index(worker)] = fresh = self._hire()
        self._assign(fresh)

    def _assign(self, worker: _Worker) -> None:
        worker.task, worker.deadline = None, float("inf")
        if self.waiting:
            worker.task = self.waiting.popleft()
            self.tried[worker.task] += 1
            worker.deadline = time.monotonic() + self.patience
            with contextlib.suppress(OSError):  # it has died; its pipe tells when it is listened to
                worker.pipe.send_bytes(str(worker.task).encode())

    def _hire(self) -> _Worker:
        ours, theirs = multiprocessing.Pipe()
        others = [worker.pipe for worker in self.workers] + [ours]
        process = multiprocessing.get_context("fork").Process(target=self._live, args=(theirs, others, os.getpid()), daemon=True)
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

    def _live(self, pipe: Connection, others: Sequence[Connection], hired_by: int) -> None:
        """A worker's life: until the pipe closes, take a number, work, answer."""
        die_with_parent(hired_by)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for other in others:  # or a worker would never see its own pipe close
            other.close()
        with self.work() as answer:
            while True:
                try:
                    index = int(pipe.recv_bytes())
                except EOFError:
                    break
                pipe.send_bytes(answer(index))


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
