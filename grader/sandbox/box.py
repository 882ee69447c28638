"""The box: one warm interpreter behind walls, and the conversation with it.

In: a Program and the calls to make. Out: a Transcript. Knows no expected value, no mark and no word of any assignment.
How the walls work is told at the top of inside.py; how strong they are, in levels.py; what a reply may look like, in replies.py.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grader.errors import SandboxError
from grader.messages import join, say, text_of
from grader.model import Invocation, Limits, Program, SandboxLevel, Transcript
from grader.sandbox.attack import forbidden_acts_that_worked
from grader.sandbox.cgroup import Group, NoGroupError, make_group
from grader.sandbox.job import encode_job
from grader.sandbox.levels import is_at_least, level_of
from grader.sandbox.outer import Start, spare_uid, ways_to_start
from grader.sandbox.server import Server, ServerError


@dataclass(frozen=True)
class Demands:
    """What is asked of a box: the least strength, and whether one that is weaker will do after all.

    `layers`: those that an earlier box of the same run had; fewer, or others, are refused. `private`: files that student code
    must not be able to read, which the box tries for itself.
    """

    minimum: SandboxLevel = "inner wall"
    allow_weaker: bool = False
    layers: tuple[str, ...] = ()
    private: tuple[str, ...] = ()


class Box:
    """Runs programs one at a time, each in a fresh process forked from one warm interpreter."""

    def __init__(
        self, limits: Limits, inert: Sequence[str] = (), demands: Demands | None = None, *, without: Iterable[str] = ()
    ) -> None:
        """`inert`: top-level modules to replace with stand-ins; `without`: layers to leave out, to test or measure the others."""
        self.limits, self.inert, self.without = limits, tuple(inert), frozenset(without)
        self.demands = demands or Demands()
        self.layers: tuple[str, ...] = self.demands.layers
        self.missing: dict[str, str] = {}
        """Why a layer that is not in `layers` is not there."""
        self.gave_way: tuple[str, ...] = ()
        """Forbidden acts that worked, in a box that is allowed to be weak."""
        self._server: Server | None = None

    def __enter__(self) -> Box:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def level(self) -> SandboxLevel:
        """How strong it is; known once it was started."""
        return level_of(self.layers)

    @property
    def is_weak(self) -> bool:
        """Whether it is weaker than what was asked for, and runs all the same."""
        return not is_at_least(self.level, self.demands.minimum)

    def start(self) -> None:
        """Start the warm interpreter and test its walls; raises SandboxError when it cannot start or they give way."""
        if self._server is not None and self._server.alive():
            return
        self.close()
        try:
            self._server = self._start_strongest()
            self._check_layers(self._server)
            self._attack(self._server)
        except (ServerError, OSError) as failure:
            self.close()
            raise SandboxError(say("The sandbox does not start: {failure}.", failure=text_of(failure))) from failure
        except SandboxError:
            self.close()
            raise

    def run(self, program: Program, invocations: Sequence[Invocation]) -> Transcript:
        """Run a program and make the calls in one fresh process; raises SandboxError when the box failed twice."""
        job = encode_job(program, invocations, self.limits)
        for _ in range(2):
            self.start()
            assert self._server is not None
            try:
                transcript = self._server.run(job, program, len(invocations), self.limits)
            except (ServerError, OSError) as failure:
                problem = failure
                self.close()
                continue
            if transcript.end != "finished":  # what left early may have left something behind
                self.close()
            return transcript
        raise SandboxError(say("The sandbox failed twice on the same program: {problem}.", problem=text_of(problem)))

    def close(self) -> None:
        """Stop the warm interpreter and all that runs in it."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _start_strongest(self) -> Server:
        bwrap = None if "bubblewrap" in self.without else shutil.which("bwrap")
        if bwrap is None:
            self.missing["bubblewrap"] = "not asked for" if "bubblewrap" in self.without else "not installed"
        *walled, plain = ways_to_start(bwrap, os.environ, spare_uid())
        for way in walled:
            try:
                server = self._start(way)
            except ServerError as failure:
                self.missing["bubblewrap"] = str(failure)
            else:
                self.missing.pop("bubblewrap", None)
                return server
        return self._start(plain)

    def _start(self, way: Start) -> Server:
        return Server(way, self.inert, self.without, self._make_group())

    def _make_group(self) -> Group | None:
        if "cgroup" in self.without:
            self.missing["cgroup"] = "not asked for"
            return None
        try:
            return make_group(self.limits)
        except NoGroupError as reason:
            self.missing["cgroup"] = str(reason)
            return None

    def _check_layers(self, server: Server) -> None:
        """Note the layers; refuse fewer than the minimum, and others than at the first start."""
        self.missing.update(server.missing)
        if self.layers and self.layers != server.layers:
            before, now = ", ".join(self.layers), ", ".join(server.layers)
            raise ServerError(say("it had the layers {before}, and now has {now}", before=before, now=now))
        if not self.demands.allow_weaker and not is_at_least(level_of(server.layers), self.demands.minimum):
            raise WeakSandboxError(self.demands.minimum, self._reasons(server.layers))
        self.layers = server.layers

    def _reasons(self, layers: tuple[str, ...]) -> str:
        """What stands between these layers and more strength, in words."""
        there = {layer.partition("-")[0] for layer in layers}
        missing = ((name, why) for name, why in self.missing.items() if name != "cgroup" and name.partition("-")[0] not in there)
        return join((say("no {name}: {why}", name=name, why=why) for name, why in missing), "; ")

    def _attack(self, server: Server) -> None:
        def run(program: Program, invocations: Sequence[Invocation]) -> Transcript:
            limits = Limits(cpu_seconds=10.0, wall_seconds=20.0)
            return server.run(encode_job(program, invocations, limits), program, len(invocations), limits)

        worked = forbidden_acts_that_worked(run, self.demands.private)
        if worked and is_at_least(level_of(server.layers), "inner wall"):
            raise ServerError(say("its walls did not stop an attempt to {acts}", acts=join(worked, say(", to "))))
        self.gave_way = tuple(worked)


class WeakSandboxError(SandboxError):
    """This machine's sandbox is weaker than what is asked for."""

    def __init__(self, minimum: SandboxLevel, reasons: str) -> None:
        super().__init__(say(
            "The sandbox is weaker here than “{minimum}”, which the assignment asks for ({reasons}).\n"
            "  mend: `make doctor` says how to get what is missing; --allow-weak-sandbox (make: WEAK=yes) grades without it, "
            "if you trust every hand-in", minimum=minimum, reasons=reasons,
        ))
