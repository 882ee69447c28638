"""The warm interpreter as seen from outside: started one way, given jobs, listened to, ended.

In: a way to start, and jobs. Out: Transcripts. All that it says is checked; whatever it does wrong raises ServerError.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

from grader.messages import say, text_of
from grader.model import Limits, Program, Transcript
from grader.sandbox.cgroup import Group
from grader.sandbox.job import Departure, broken, ending
from grader.sandbox.outer import STAGE, Start
from grader.sandbox.replies import Replies
from grader.tensors import FrameError, encode, split

CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 0x1000, 0x4000, 0x40000  # linux/sched.h, linux/mount.h
START_SECONDS = 30.0
SEND_SECONDS = 10.0
GRACE_SECONDS = 5.0  # beyond the wall limit, which the warm interpreter enforces, until it counts as stuck itself
LEAVE_SECONDS = 0.5
CHUNK = 1 << 20
MAX_REPORT = 1 << 20


class ServerError(Exception):
    """The warm interpreter failed us; the text says how."""


class Server:
    """One warm interpreter and the control socket to it."""

    def __init__(self, start: Start, inert: Sequence[str], without: frozenset[str], group: Group | None) -> None:
        """Start it and hear what layers it has; raises ServerError, or OSError where this machine has no room for it.

        `group` is the server's to take away from now on, even when it does not start.
        """
        self._process: subprocess.Popen[bytes] | None = None
        with contextlib.ExitStack() as held:  # let go in reverse: first the control socket, so that it leaves by itself
            if group:
                held.callback(group.remove)
            folder = held.enter_context(tempfile.TemporaryDirectory(prefix="box-"))  # an empty place to be in
            held.callback(self._end)
            self._control, theirs = socket.socketpair()
            held.callback(self._control.close)
            self._control.settimeout(SEND_SECONDS)
            with tempfile.TemporaryFile() as complaints:
                with theirs:  # closed at once, or its death could not be seen
                    self._process = _spawn(start, folder, theirs.fileno(), complaints, group)
                hello = self._greet(start, inert, without, complaints)
            self._held = held.pop_all()
        self.layers: tuple[str, ...] = (*start.layers, *hello["layers"], *(group.layers if group else ()))
        self.missing: dict[str, str] = hello["missing"]

    @property
    def pid(self) -> int:
        """The process that was started: the warm interpreter's own, or bubblewrap's."""
        assert self._process is not None
        return self._process.pid

    def alive(self) -> bool:
        """Tell whether the process is still there."""
        return self._process is not None and self._process.poll() is None

    def close(self) -> None:
        """Let it leave, which it does when its control socket closes, or kill it: what runs in it goes with it."""
        self._held.close()

    def run(self, job: bytes, program: Program, count: int, limits: Limits) -> Transcript:
        """Have one job done; raises ServerError when the warm interpreter does not keep to its part."""
        started = time.monotonic()
        replies = Replies(program, count, limits.output_mb)
        pipe = self._send(job)
        problem = ""
        report: dict[str, Any] = {}
        try:
            _drain(pipe, replies, started + limits.wall_seconds + GRACE_SECONDS)
            report = self._report(time.monotonic() + GRACE_SECONDS)
        except FrameError as error:
            problem = text_of(error)
        finally:
            os.close(pipe)
        end, detail = ending(_departure(report), replies, limits) if report else broken(problem)
        return Transcript(
            program.function,
            replies.all_replies(),
            replies.load,
            end,
            detail,
            cpu_seconds=report.get("cpu_seconds", 0.0),
            wall_seconds=time.monotonic() - started,
            layers=self.layers,
        )

    def _greet(self, start: Start, inert: Sequence[str], without: frozenset[str], complaints: IO[bytes]) -> dict[str, Any]:
        config = {"readable": start.readable, "contained": start.contained, "inert": list(inert), "without": sorted(without)}
        try:
            self._control.sendall(encode(config))
            return self._report(time.monotonic() + START_SECONDS)
        except (OSError, ServerError) as failure:
            raise ServerError(_last_line(complaints) or text_of(failure)) from failure

    def _end(self) -> None:
        """One that leaves by itself has its processor time counted as its parent's children's; one that is killed has not."""
        if self._process is None:
            return
        try:
            self._process.wait(timeout=LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _send(self, job: bytes) -> int:
        """Send a job and the pipe to answer it on; returns the end to read from."""
        ours, theirs = os.pipe()
        try:
            sent = socket.send_fds(self._control, [job[:CHUNK]], [theirs])
            self._control.sendall(memoryview(job)[sent:])
        except OSError as error:
            os.close(ours)
            raise ServerError(say("the warm interpreter takes no work ({error})", error=text_of(error))) from error
        finally:
            os.close(theirs)
        return ours

    def _report(self, deadline: float) -> dict[str, Any]:
        """Read one frame off the control socket."""
        buffer = bytearray()
        while True:
            try:
                frame = split(buffer, MAX_REPORT)
                if frame is not None:
                    return frame[0]
                self._control.settimeout(max(deadline - time.monotonic(), 0.01))
                data = self._control.recv(CHUNK)
            except (OSError, FrameError) as error:
                raise ServerError(say("the warm interpreter does not answer ({error})", error=text_of(error))) from error
            finally:
                self._control.settimeout(SEND_SECONDS)
            if not data:
                raise ServerError(say("the warm interpreter has gone"))
            buffer += data


def _spawn(start: Start, folder: str, control: int, complaints: IO[bytes], group: Group | None) -> subprocess.Popen[bytes]:
    if start.uid is not None:
        os.chmod(folder, 0o755)  # noqa: S103  it is empty, and the other user has to be in it
    _make_stage(start.staged, folder)
    try:
        return subprocess.Popen(  # noqa: S603
            [word.replace(STAGE, folder) for word in start.command],
            stdin=control,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            cwd=folder,
            env=dict(start.environment),
            start_new_session=True,  # Ctrl-C is for the grader, which then closes the box
            preexec_fn=partial(_enter, start, folder, group) if group or start.uid else None,  # noqa: PLW1509  a worker has one thread
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ServerError(say("{command} cannot be started ({error})", command=start.command[0], error=text_of(error))) from error


def _make_stage(staged: Sequence[str], folder: str) -> None:
    """Make an empty file or folder for each thing to be staged."""
    for number, path in enumerate(staged):
        place = Path(folder, str(number))
        if os.path.isdir(path):
            place.mkdir()
        else:
            place.touch()


def _stage(staged: Sequence[str], folder: str) -> None:
    """Mount them there, for this process and what it becomes alone; root's to do. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)  # here, since Windows has none and may import this module
    _must(libc.unshare(CLONE_NEWNS))
    _must(libc.mount(None, b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None))
    for number, path in enumerate(staged):
        _must(libc.mount(os.fsencode(path), os.fsencode(f"{folder}/{number}"), None, ctypes.c_ulong(MS_BIND | MS_REC), None))


def _must(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), "the interpreter cannot be shown to another user")


def _enter(start: Start, folder: str, group: Group | None) -> None:
    """Between fork and exec: join the group and set the stage, which is root's to do, then become the other user."""
    if group:
        group.join()
    if start.staged:
        _stage(start.staged, folder)
    if start.uid is not None:
        os.setgroups([])
        os.setresgid(start.uid, start.uid, start.uid)
        os.setresuid(start.uid, start.uid, start.uid)


def _drain(pipe: int, replies: Replies, deadline: float) -> None:
    """Feed the replies what comes down the pipe until the other end is closed; never waits beyond the deadline."""
    poller = select.poll()
    poller.register(pipe, select.POLLIN)
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not poller.poll(left * 1000):
            raise ServerError(say("the warm interpreter let a process run beyond its limits"))
        data = os.read(pipe, CHUNK)
        if not data:
            return
        replies.feed(data)


def _departure(report: Mapping[str, Any]) -> Departure:
    return Departure(report["status"], report["killed"], report["cpu_seconds"])


def _last_line(complaints: IO[bytes]) -> str:
    complaints.seek(0)
    lines = complaints.read(1 << 16).decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip().rstrip(".") if lines else ""
