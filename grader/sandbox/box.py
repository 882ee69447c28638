"""The box: one warm interpreter behind walls, and the conversation with it.

In: a Program and the calls to make. Out: a Transcript. Knows no expected value, no mark and no word of any assignment.
How the walls work is told at the top of inside.py; what a reply may look like, in replies.py.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any, Literal

from grader.errors import SandboxError
from grader.model import Invocation, Limits, Program, Transcript
from grader.sandbox.attack import forbidden_acts_that_worked
from grader.sandbox.outer import LOADER_CACHE, Interpreter, clean_environment, plain_command, this_interpreter, walled_command
from grader.sandbox.replies import Replies
from grader.tensors import FrameError, encode, encode_calls, split

START_SECONDS = 30.0
SEND_SECONDS = 10.0
GRACE_SECONDS = 5.0  # beyond the wall limit, which the warm interpreter enforces, until it counts as stuck itself
LEAVE_SECONDS = 0.5
CHUNK = 1 << 20
MAX_REPORT = 1 << 20
OUT_OF_MEMORY_STATUS = 113  # inside.py knows the number too
End = Literal["finished", "timeout", "memory", "crashed"]
_CRASHED: End = "crashed"


class _Failure(Exception):  # noqa: N818  it reads better where it is raised
    """The warm interpreter failed us; its text says how."""


class Box:
    """Runs programs one at a time, each in a fresh process forked from one warm interpreter."""

    def __init__(self, limits: Limits, inert: Sequence[str] = (), *, outer: bool = True) -> None:
        """`inert`: top-level modules to replace with stand-ins; `outer`: use bubblewrap where it works."""
        self.limits, self.inert, self.outer = limits, tuple(inert), outer
        self.layers: tuple[str, ...] = ()
        self.missing: dict[str, str] = {}
        """Why a layer that is not in `layers` is not there."""
        self._server: _Server | None = None

    def __enter__(self) -> Box:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the warm interpreter and test its walls; raises SandboxError when it cannot start or they give way."""
        if self._server is not None and self._server.alive():
            return
        self.close()
        try:
            self._server = self._start_strongest()
            self._check_layers(self._server)
            self._attack(self._server)
        except _Failure as failure:
            self.close()
            raise SandboxError(f"The sandbox does not start: {failure}.") from failure
        except SandboxError:
            self.close()
            raise

    def run(self, program: Program, invocations: Sequence[Invocation]) -> Transcript:
        """Run a program and make the calls in one fresh process; raises SandboxError when the box failed twice."""
        job = _job(program, invocations, self.limits)
        for _ in range(2):
            self.start()
            assert self._server is not None
            try:
                transcript = self._server.run(job, program, len(invocations), self.limits)
            except _Failure as failure:
                problem = failure
                self.close()
                continue
            if transcript.end != "finished":  # what left early may have left something behind
                self.close()
            return transcript
        raise SandboxError(f"The sandbox failed twice on the same program: {problem}.")

    def close(self) -> None:
        """Stop the warm interpreter and all that runs in it."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _start_strongest(self) -> _Server:
        interpreter = this_interpreter()
        environment = clean_environment(interpreter, os.environ)
        bwrap = shutil.which("bwrap") if self.outer else None
        if bwrap is None:
            self.missing["bubblewrap"] = "not installed" if self.outer else "not asked for"
        for strict in (True, False) if bwrap else ():
            try:
                command = walled_command(str(bwrap), interpreter, environment, strict=strict)
                return _Server(command, environment, interpreter, self.inert)
            except _Failure as failure:
                self.missing["bubblewrap"] = str(failure)
        return _Server(plain_command(interpreter), environment, interpreter, self.inert)

    def _check_layers(self, server: _Server) -> None:
        """Note the layers; refuse fewer than the minimum, and fewer than at the first start."""
        self.missing.update(server.missing)
        if "seccomp" not in server.layers:
            raise _Failure(f"seccomp is missing here ({server.missing.get('seccomp', 'no reason given')})")
        if not any(layer == "bubblewrap" or layer.startswith(("landlock", "uid-drop")) for layer in server.layers):
            raise _Failure("neither bubblewrap nor Landlock nor another user id can keep files from student code here")
        if self.layers and self.layers != server.layers:
            raise _Failure(f"it had the layers {', '.join(self.layers)}, and now has only {', '.join(server.layers)}")
        self.layers = server.layers

    def _attack(self, server: _Server) -> None:
        def run(program: Program, invocations: Sequence[Invocation]) -> Transcript:
            limits = Limits(cpu_seconds=10.0, wall_seconds=20.0)
            return server.run(_job(program, invocations, limits), program, len(invocations), limits)

        worked = forbidden_acts_that_worked(run)
        if worked:
            raise _Failure(f"its walls did not stop an attempt to {', to '.join(worked)}")


class _Server:
    """One warm interpreter and the control socket to it."""

    def __init__(
        self, command: list[str], environment: Mapping[str, str], interpreter: Interpreter, inert: Sequence[str]
    ) -> None:
        contained = "--unshare-user" in command
        self._folder = tempfile.TemporaryDirectory(prefix="box-")  # an empty place to be in
        self._control, theirs = socket.socketpair()
        self._control.settimeout(SEND_SECONDS)
        with tempfile.TemporaryFile() as complaints:
            with theirs:  # closed at once, or its death could not be seen
                self._process = _spawn(command, environment, self._folder.name, theirs.fileno(), complaints)
            readable = [*interpreter.trees, LOADER_CACHE]
            config = {"readable": readable, "contained": contained, "inert": list(inert)}
            try:
                self._control.sendall(encode(config))
                hello = self._report(time.monotonic() + START_SECONDS)
            except (OSError, _Failure) as failure:
                self.close()
                raise _Failure(_last_line(complaints) or str(failure)) from failure
        self.layers: tuple[str, ...] = (*(["bubblewrap"] if contained else []), *hello["layers"])
        self.missing: dict[str, str] = hello["missing"]

    def alive(self) -> bool:
        """Tell whether the process is still there."""
        return self._process.poll() is None

    def close(self) -> None:
        """Let it leave, which it does when its control socket closes, or kill it: what runs in it goes with it.

        One that leaves by itself has its processor time counted as its parent's children's; one that is killed has not.
        """
        self._control.close()
        try:
            self._process.wait(timeout=LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def run(self, job: bytes, program: Program, count: int, limits: Limits) -> Transcript:
        """Have one job done; raises _Failure when the warm interpreter does not keep to its part."""
        started = time.monotonic()
        replies = Replies(program, count, limits.output_mb)
        pipe = self._send(job)
        problem = ""
        report: dict[str, Any] = {}
        try:
            _drain(pipe, replies, started + limits.wall_seconds + GRACE_SECONDS)
            report = self._report(time.monotonic() + GRACE_SECONDS)
        except FrameError as error:
            problem = str(error)
        finally:
            os.close(pipe)
        end, detail = _ending(report, replies, limits) if report else (_CRASHED, f"it broke the reply protocol: {problem}")
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

    def _send(self, job: bytes) -> int:
        """Send a job and the pipe to answer it on; returns the end to read from."""
        ours, theirs = os.pipe()
        try:
            sent = socket.send_fds(self._control, [job[:CHUNK]], [theirs])
            self._control.sendall(memoryview(job)[sent:])
        except OSError as error:
            os.close(ours)
            raise _Failure(f"the warm interpreter takes no work ({error})") from error
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
                raise _Failure(f"the warm interpreter does not answer ({error})") from error
            finally:
                self._control.settimeout(SEND_SECONDS)
            if not data:
                raise _Failure("the warm interpreter has gone")
            buffer += data


def _spawn(
    command: list[str], environment: Mapping[str, str], folder: str, control: int, complaints: IO[bytes]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603
            command,
            stdin=control,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,  # Ctrl-C is for the grader, which then closes the box
        )
    except OSError as error:
        raise _Failure(f"{command[0]} cannot be started ({error})") from error


def _job(program: Program, invocations: Sequence[Invocation], limits: Limits) -> bytes:
    calls, blobs = encode_calls(invocations)
    cells = [{"cell": cell.cell, "source": cell.source, "statements": cell.statements} for cell in program.cells]
    return encode({"cells": cells, "calls": calls, "limits": vars(limits)}, blobs)


def _drain(pipe: int, replies: Replies, deadline: float) -> None:
    """Feed the replies what comes down the pipe until the other end is closed; never waits beyond the deadline."""
    poller = select.poll()
    poller.register(pipe, select.POLLIN)
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not poller.poll(left * 1000):
            raise _Failure("the warm interpreter let a process run beyond its limits")
        data = os.read(pipe, CHUNK)
        if not data:
            return
        replies.feed(data)


def _ending(report: Mapping[str, Any], replies: Replies, limits: Limits) -> tuple[End, str]:
    """Say how the process ended, from what the warm interpreter saw and what was answered."""
    status, cpu = report["status"], report["cpu_seconds"]
    if report["killed"] == "wall":
        return "timeout", f"it was not done after {limits.wall_seconds:g} s"
    if report["killed"] == "cpu" or (cpu >= limits.cpu_seconds and status in (-signal.SIGXCPU, -signal.SIGKILL)):
        return "timeout", f"it used up its {limits.cpu_seconds:g} s of processor time"
    if status in (OUT_OF_MEMORY_STATUS, -signal.SIGKILL):
        return "memory", f"it ran out of its {limits.memory_mb} MB of memory"
    if status < 0:
        return "crashed", f"it was killed by signal {-status} ({(signal.strsignal(-status) or 'unknown').lower()})"
    if status == 0 and replies.complete:
        return "finished", ""
    return "crashed", f"it ended the process with os._exit or a crash (exit status {status})"


def _last_line(complaints: IO[bytes]) -> str:
    complaints.seek(0)
    lines = complaints.read(1 << 16).decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip().rstrip(".") if lines else ""
