"""The box's attack on itself: a handful of acts that must fail before any student's code may run.

In: a way to run a program in the box. Out: the acts that worked, none when the walls hold.
"""

from __future__ import annotations

import ast
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from grader.errors import SandboxError
from grader.messages import say
from grader.model import Invocation, Program, ProgramCell, Returned, Transcript

Run = Callable[[Program, Sequence[Invocation]], Transcript]

WRITE = say("write a file")
ACTS = {
    say("read a private file"): "open(here).close()",
    say("read the course's own files"): "any(works(lambda: open(path).close()) for path in private)",
    WRITE: "open(here + '.new', 'w').close()",
    say("open a socket"): "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()",
    say("open a local socket"): "socket.socket(socket.AF_UNIX).close()",
    say("fork"): "fork()",
    say("start a program"): "os.posix_spawn('/bin/true', ['true'], {})",
    say("signal the process that started it"): "os.kill(os.getppid(), 0)",
    say("read the memory of the process that started it"): "libc.process_vm_readv(os.getppid(), span, 1, span, 1, 0) > 0",
    say("read the environment of the process that started it"): "open(f'/proc/{os.getppid()}/environ').close()",
    say("make a user namespace"): "libc.unshare(0x10000000) == 0",
    say("use a descriptor that is not its own"): "any(works(lambda: os.fstat(fd)) for fd in range(4, 256))",
}
"""What it is, in words that finish "did not stop an attempt to ...", and the Python that does it: raises OSError or gives False
where it is stopped."""

SOURCE = """\
import ctypes, os, socket

libc = ctypes.CDLL(None)
here, private = {here!r}, {private!r}
memory = ctypes.create_string_buffer(8)
span = (ctypes.c_size_t * 2)(ctypes.addressof(memory), 8)

def works(act):
    try:
        return act() is not False
    except OSError:
        return False

def fork():
    if os.fork() == 0:
        os._exit(0)

def attack():
    return [{acts}]
"""


def forbidden_acts_that_worked(run: Run, private: Sequence[str] = ()) -> list[str]:
    """Run the attack; raises SandboxError when it gave no clear answer, since then nothing is known about the walls.

    `private`: files that student code must not be able to read.
    """
    with tempfile.TemporaryDirectory(prefix="box-private-") as folder:
        os.chmod(folder, 0o777)  # noqa: S103  so that it is the walls that are tried, and not the modes of files
        file = Path(folder, "private")
        file.touch(0o644)
        transcript = run(_program(str(file), private), [Invocation("attack", ())])
        written = Path(f"{file}.new").exists()
    reply = transcript.replies[0]
    if transcript.end != "finished" or not isinstance(reply, Returned) or not isinstance(reply.value, np.ndarray):
        why = transcript.detail or (str(reply) if reply else say("no answer"))
        raise SandboxError(say("The sandbox could not test its own walls: {why}", why=why))
    if reply.value.shape != (len(ACTS),):
        raise SandboxError(say("The sandbox could not test its own walls: they answered in an unexpected way."))
    worked: list[str] = [act for act, value in zip(ACTS, reply.value, strict=True) if value]
    return worked + ([WRITE] if written and WRITE not in worked else [])


def _program(here: str, private: Sequence[str]) -> Program:
    acts = ", ".join(f"works(lambda: {act})" for act in ACTS.values())
    source = SOURCE.format(here=here, private=list(private), acts=acts)
    return Program("attack", (ProgramCell(1, source, tuple(range(len(ast.parse(source).body))), ()),))
