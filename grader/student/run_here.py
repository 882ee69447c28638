"""A student's program in a plain process of their own machine: no wall, only a clock. It is their own code that runs there."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from typing import IO, Literal

from grader.messages import say, text_of
from grader.model import Invocation, Limits, Program, Transcript
from grader.sandbox.job import encode_job
from grader.sandbox.replies import Replies
from grader.tensors import FrameError

CHUNK = 1 << 16
START_SECONDS = 60.0  # until NumPy is imported; a slow disk or a virus scanner is not the student's fault
LAST_WORDS = 2.0  # seconds
End = Literal["finished", "timeout", "memory", "crashed"]
LOAD = (
    "import sys; i = sys.stdin.buffer; n = int.from_bytes(i.read(8), 'little'); m = {'__name__': 'answering'}; "
    "exec(compile(i.read(n), '<answering>', 'exec'), m); m['answer_once'](i, int(sys.argv[1]), sys.argv[2:])"
)
"""Reads answering.py from standard input, since it may lie in no file, and then the job."""


def run_here(program: Program, calls: Sequence[Invocation], limits: Limits, inert: Sequence[str]) -> Transcript:
    """Run a program and make the calls in one fresh process, for `limits.wall_seconds` at most; of memory there is no limit.

    `inert`: top-level modules to replace with stand-ins. Whatever the process does is told in the Transcript.
    """
    source = answering_source().encode()
    job = len(source).to_bytes(8, "little") + source + encode_job(program, calls, limits)
    with tempfile.TemporaryDirectory(prefix="selfcheck-", ignore_cleanup_errors=True) as folder:
        process = _start(limits, inert, folder)
        listener = _Listener(process, Replies(program, len(calls), limits.output_mb))
        listener.start()
        _feed(process.stdin, job)
        listener.ready.wait(START_SECONDS)
        began = time.monotonic()
        late = not _ends(process, limits.wall_seconds)
        process.kill()
        process.wait()
        listener.join(LAST_WORDS)  # a process of its own that it left behind may hold the pipe for ever
    replies = listener.replies
    end, detail = _ending(replies, listener.problem, late, limits, process.returncode)
    return Transcript(
        program.function, replies.all_replies(), replies.load, end, detail, wall_seconds=time.monotonic() - began)


class _Listener(threading.Thread):
    """Reads what the process says, since no pipe can be waited for on Windows; ends the process that says what it may not."""

    def __init__(self, process: subprocess.Popen[bytes], replies: Replies) -> None:
        super().__init__(daemon=True)
        self.process, self.replies, self.problem, self.ready = process, replies, "", threading.Event()

    def run(self) -> None:
        """See threading.Thread."""
        assert self.process.stdout is not None
        with self.process.stdout as pipe:
            first = os.read(pipe.fileno(), 1)
            self.ready.set()
            try:
                while first and (data := os.read(pipe.fileno(), CHUNK)):
                    self.replies.feed(data)
            except FrameError as error:
                self.problem = text_of(error)
                self.process.kill()


def _ends(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _ending(replies: Replies, problem: str, late: bool, limits: Limits, status: int) -> tuple[End, str]:
    if late:
        return "timeout", say("it was not done after {seconds:g} s", seconds=limits.wall_seconds)
    if problem:
        return "crashed", say("it broke the reply protocol: {problem}", problem=problem)
    if status == 0 and replies.complete:
        return "finished", ""
    return "crashed", say("it ended the process with os._exit or a crash (exit status {status})", status=status)


def answering_source() -> str:
    """The text of answering.py, wherever this program keeps its modules."""
    spec = importlib.util.find_spec("grader.sandbox.answering")
    assert spec is not None
    assert spec.loader is not None
    text = spec.loader.get_source("grader.sandbox.answering")  # type: ignore[attr-defined]  # every loader of source has it
    assert isinstance(text, str)
    return text


def _start(limits: Limits, inert: Sequence[str], folder: str) -> subprocess.Popen[bytes]:
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return subprocess.Popen(  # noqa: S603  this Python, a constant
        [sys.executable, "-I", "-X", "utf8", "-c", LOAD, str(limits.output_mb), *inert], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder, env={**os.environ, **threads},
    )


def _feed(pipe: IO[bytes] | None, job: bytes) -> None:
    assert pipe is not None
    with contextlib.suppress(OSError), pipe:  # it may end before it has read all
        pipe.write(job)
