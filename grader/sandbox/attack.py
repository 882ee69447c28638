"""The box's attack on itself: a handful of acts that must fail before any student's code may run.

In: a way to run a program in the box. Out: the acts that worked, none when the walls hold.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence

import numpy as np

from grader.errors import SandboxError
from grader.model import Invocation, Program, ProgramCell, Returned, Transcript

Run = Callable[[Program, Sequence[Invocation]], Transcript]

# The order is that of the tuple which SOURCE returns.
ACTS = (
    "read a private file",
    "write a file",
    "open a socket",
    "fork",
    "start a program",
    "signal the process that started it",
    "make a user namespace",
    "use a descriptor that is not its own",
)
SOURCE = """\
import ctypes, os, socket

def works(act):
    try:
        return act() is not False
    except OSError:
        return False

def fork():
    if os.fork() == 0:
        os._exit(0)

def descriptors():
    return any(works(lambda: os.fstat(fd)) for fd in range(4, 256))

def attack():
    here = {path!r}
    return [
        works(lambda: open(here).close()),
        works(lambda: open(here + ".new", "w").close()),
        works(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()),
        works(fork),
        works(lambda: os.posix_spawn({binary!r}, ["true"], {{}})),
        works(lambda: os.kill(os.getppid(), 0)),
        works(lambda: ctypes.CDLL(None).unshare(0x10000000) == 0),
        works(descriptors),
    ]
"""


def forbidden_acts_that_worked(run: Run) -> list[str]:
    """Run the attack; raises SandboxError when it gave no clear answer, since then nothing is known about the walls."""
    with tempfile.NamedTemporaryFile(prefix="box-private-") as private:
        source = SOURCE.format(path=private.name, binary="/bin/true")
        program = Program("attack", (ProgramCell(1, source, tuple(range(5)), tuple(range(1, 99))),))
        transcript = run(program, [Invocation("attack", ())])
        written = os.path.exists(private.name + ".new")
    reply = transcript.replies[0]
    if transcript.end != "finished" or not isinstance(reply, Returned) or not isinstance(reply.value, np.ndarray):
        raise SandboxError(f"The sandbox could not test its own walls: {transcript.detail or reply or 'no answer'}")
    if reply.value.shape != (len(ACTS),):
        raise SandboxError("The sandbox could not test its own walls: they answered in an unexpected way.")
    worked = [act for act, value in zip(ACTS, reply.value, strict=True) if value]
    return worked + (["write a file"] if written and "write a file" not in worked else [])
