"""One job as both ways of running it know it, behind walls and without: what is sent, and how its process ended, in words.

In: a Program and the calls to make; what was seen of the process's end. Out: bytes for answering.py; an end and a sentence for a
Transcript. Starts nothing, and knows no wall.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from grader.messages import say
from grader.model import Invocation, Limits, Program
from grader.sandbox.replies import Replies
from grader.tensors import encode, encode_calls

OUT_OF_MEMORY_STATUS = 113  # inside.py knows the number too
KILLED, OUT_OF_CPU = -9, -24  # SIGKILL and SIGXCPU as exit statuses; Windows has no such names
End = Literal["finished", "timeout", "memory", "crashed"]


@dataclass(frozen=True)
class Departure:
    """How a process ended, as seen from outside: its exit status, and which of its times was up when we killed it, if we did."""

    status: int
    killed: str = ""
    cpu_seconds: float = 0.0


def encode_job(program: Program, invocations: Sequence[Invocation], limits: Limits) -> bytes:
    """Return what is sent to have a program run and its functions called."""
    calls, blobs = encode_calls(invocations)
    cells = [{"cell": cell.cell, "source": cell.source, "statements": cell.statements} for cell in program.cells]
    return encode({"cells": cells, "calls": calls, "limits": vars(limits)}, blobs)


def ending(left: Departure, replies: Replies, limits: Limits) -> tuple[End, str]:
    """Say how a process ended, from what was seen and what was answered."""
    status = left.status
    if left.killed == "wall":
        return "timeout", say("it was not done after {seconds:g} s", seconds=limits.wall_seconds)
    if left.killed == "cpu" or (left.cpu_seconds >= limits.cpu_seconds and status in (OUT_OF_CPU, KILLED)):
        return "timeout", say("it used up its {seconds:g} s of processor time", seconds=limits.cpu_seconds)
    if status in (OUT_OF_MEMORY_STATUS, KILLED):
        return "memory", say("it ran out of its {size} MB of memory", size=limits.memory_mb)
    if status < 0:
        name = (signal.strsignal(-status) or "unknown").lower()
        return "crashed", say("it was killed by signal {number} ({name})", number=-status, name=name)
    if status == 0 and replies.complete:
        return "finished", ""
    return "crashed", say("it ended the process with os._exit or a crash (exit status {status})", status=status)


def broken(problem: str) -> tuple[End, str]:
    """Say the same of a process whose answers followed no protocol, which ends it however it left."""
    return "crashed", say("it broke the reply protocol: {problem}", problem=problem)
