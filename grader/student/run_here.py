"""A student's program in a plain process of the student's own machine: no wall at all, only a clock.

In: a Program and the calls to make, as for a box. Out: a Transcript, whatever the program does. This is no sandbox: it is the
student's own code on the student's own machine, and may read and write what its author may. What it is asked, how it answers and
what its answers mean are the same as behind the walls: answering.py makes the calls, replies.py reads what comes back.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, cast

import numpy as np

from grader.errors import SandboxError
from grader.messages import say, text_of
from grader.model import Invocation, Limits, Program, Transcript
from grader.sandbox.job import OUT_OF_MEMORY_STATUS, Departure, broken, encode_job, ending
from grader.sandbox.replies import Replies
from grader.tensors import encode

ANSWERING = "grader.sandbox.answering"
START_SECONDS = 60.0  # until NumPy is there: a virus scanner or a slow disk is not the student's fault
LAST_WORDS_SECONDS = 0.5  # for what still is in the pipe of a process that has left
LOOK_SECONDS = 0.1  # how long at most the end of a process goes unseen, where a process of its own holds the pipe
CHUNK = 1 << 16
WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows would open one
ENVIRONMENT = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")  # as in the box
START = f"""
import sys

def start(stream, ours):
    source = stream.read(int.from_bytes(stream.read(8), "little"))
    exec(compile(source, "<answering>", "exec", dont_inherit=True), ours)
    ours["answer_once"](stream, {OUT_OF_MEMORY_STATUS})

sys.path.extend(sys.argv[1:])
start(sys.stdin.buffer, {{"__name__": "__main__"}})
"""
"""What the process is started with: it reads answering.py, which may lie in no file here, and then the job."""
READY = b"\0"  # answering.py knows it too


def run_here(program: Program, calls: Sequence[Invocation], limits: Limits, inert: Sequence[str] = ()) -> Transcript:
    """Run a program and make the calls in one fresh process, for `limits.wall_seconds` at most; memory and CPU have no limit.

    `inert`: top-level modules to replace with stand-ins. Raises SandboxError when Python itself does not start here.
    """
    replies = Replies(program, len(calls), limits.output_mb)
    job = encode({"inert": list(inert)}) + encode_job(program, calls, limits)
    with _process(job) as (process, complaints):
        listener = _Listener(process, replies)
        listener.start()
        _wait_until_ready(listener, process, complaints)
        started = time.monotonic()
        killed = "" if _leaves(process, listener, started + limits.wall_seconds) else "wall"
        seconds = time.monotonic() - started
        _end(process, listener)
    end, detail = broken(listener.problem) if listener.problem else ending(Departure(process.returncode, killed), replies, limits)
    if end == "memory":
        detail = say("it ran out of memory")  # the machine's, of which it had no share of its own
    return Transcript(program.function, replies.all_replies(), replies.load, end, detail, wall_seconds=seconds)


class _Listener(threading.Thread):
    """Reads what the process says, in a thread since Windows waits for no pipe; ends one that says what it may not."""

    def __init__(self, process: subprocess.Popen[bytes], replies: Replies) -> None:
        super().__init__(daemon=True)
        self.ready = threading.Event()
        self.has_begun, self.problem = False, ""
        self._process, self._replies = process, replies

    def run(self) -> None:
        """Listen to the end of the pipe."""
        assert self._process.stdout is not None
        with self._process.stdout as pipe:
            while not self.has_begun and (said := os.read(pipe.fileno(), 1)):
                self.has_begun = said == READY
            self.ready.set()
            try:
                while data := os.read(pipe.fileno(), CHUNK):
                    self._replies.feed(data)
            except Exception as error:  # what no frame may hold, or what this NumPy cannot make of one
                self.problem = text_of(error)
                with contextlib.suppress(OSError):  # it has just left
                    self._process.kill()


def answering_source() -> bytes:
    """Return the text of answering.py, wherever this program keeps its modules: in files, in a zip, in memory."""
    spec = importlib.util.find_spec(ANSWERING)
    source = cast(importlib.abc.InspectLoader, spec.loader).get_source(ANSWERING) if spec is not None else None
    if source is None:
        raise SandboxError(say("This program is incomplete: {name} is missing.", name=ANSWERING))
    return source.encode()


@contextlib.contextmanager
def _process(job: bytes) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """A process that was given a job, in an empty folder, and the file that it complains to; ended when no longer wanted."""
    source = answering_source()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="selfcheck-", ignore_cleanup_errors=True) as folder,
            tempfile.TemporaryFile() as question,
            tempfile.TemporaryFile() as complaints,
        ):
            question.write(len(source).to_bytes(8, "little") + source + job)
            question.seek(0)
            process = _start(folder, question, complaints)
            try:
                yield process, complaints
            finally:
                if process.poll() is None:
                    _kill(process)
    except OSError as error:
        raise SandboxError(say("Python does not start here: {reason}.", reason=str(error))) from error


def _start(folder: str, question: IO[bytes], complaints: IO[bytes]) -> subprocess.Popen[bytes]:
    packages = str(Path(np.__file__).resolve().parent.parent)  # -I leaves out those that were installed for one user
    return subprocess.Popen(  # noqa: S603  this Python, and a constant
        [sys.executable, "-I", "-B", "-X", "utf8", "-c", START, packages],
        stdin=question,
        stdout=subprocess.PIPE,
        stderr=complaints,
        bufsize=0,
        cwd=folder,
        env={**os.environ, **ENVIRONMENT},
        start_new_session=True,  # Ctrl-C is for us, who then end it; Windows pays no heed to this
        creationflags=WINDOW,
    )


def _leaves(process: subprocess.Popen[bytes], listener: _Listener, deadline: float) -> bool:
    """Wait for the process; False when the deadline came first.

    The end of the pipe tells at once. It may come before the process's own end or never: the pipe may be closed, or be passed on.
    """
    while process.poll() is None:
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        if listener.is_alive():
            listener.join(min(left, LOOK_SECONDS))
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(left)
    return True


def _end(process: subprocess.Popen[bytes], listener: _Listener) -> None:
    """End the process, hear its last words, and end those of its own that still hold the pipe."""
    if process.poll() is None:
        _kill(process)
    listener.join(LAST_WORDS_SECONDS)
    if listener.is_alive():
        _kill(process)
        listener.join(LAST_WORDS_SECONDS)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        if sys.platform != "win32":
            os.killpg(process.pid, signal.SIGKILL)  # its group, which holds those that it started
    with contextlib.suppress(OSError):
        process.kill()
    process.wait()


def _wait_until_ready(listener: _Listener, process: subprocess.Popen[bytes], complaints: IO[bytes]) -> None:
    """Raises SandboxError when no line of the student's could be run."""
    reason: str = say("it took more than {seconds:g} s", seconds=START_SECONDS)
    if listener.ready.wait(START_SECONDS):
        if listener.has_begun:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LAST_WORDS_SECONDS)
        complaints.seek(0)
        lines = complaints.read(1 << 16).decode("utf-8", "replace").strip().splitlines()
        reason = lines[-1].strip().rstrip(".") if lines else say("it ended with exit status {status}", status=str(process.poll()))
    raise SandboxError(say("Python does not start here: {reason}.", reason=reason))
