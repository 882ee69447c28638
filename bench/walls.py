"""What each layer of the sandbox costs a submission: CPU beyond a bare fork, within this one run.

    python bench/walls.py [--runs N] [--rounds N] [--json FILE]

One box after the other is given the same program (30 small calls) N times, first with no layer at all and then with one more each
time. CPU is that of every process of the box (RUSAGE_CHILDREN), the cost of starting it taken off. The last rows say what a
submission costs that loops for ever, next to its limit, and what it costs to have the box replaced afterwards. A figure is the
median of the rounds; quote differences and ratios, not milliseconds.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import resource
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from grader.model import Invocation, Limits, Program, ProgramCell
from grader.sandbox import Box, Demands

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
ORDER = ("rlimits", "uid-drop", "landlock", "seccomp", "bubblewrap", "cgroup")
SOURCE = "import numpy as np\ndef f(x):\n    return np.exp(x - x.max(axis=1, keepdims=True)) @ x"
CALLS = 30
LOOP = "def f(x):\n    while True: pass"
LOOP_SECONDS = 0.5


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="runs of the program for each figure (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="times that each figure is taken (default: %(default)s)")
    parser.add_argument("--json", type=Path, default=None, help="also write the figures there")
    options = parser.parse_args()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    steps = list(_steps())
    rounds = [[1000 * cost_of(without, options.runs) for _, without in steps] for _ in range(options.rounds)]
    costs = [statistics.median(column) for column in zip(*rounds, strict=True)]
    print(f"{CALLS} calls in a fresh process, {options.runs} runs, median of {options.rounds} rounds; CPU per run")
    for (name, _), cost, before in zip(steps, costs, [costs[0], *costs], strict=False):
        print(f"  {name:<24}{cost:8.2f} ms {cost - before:+8.2f} ms")
    added = costs[-1] - costs[0]
    print(f"  both walls, beyond a bare fork: {added:.2f} ms   (target: at most 4)")
    looped, after, plain = wall_of_a_loop()
    print(f"a loop with a limit of {LOOP_SECONDS:g} s of CPU: {looped:.2f} s of wall; the next program {1000 * after:.0f} ms "
          f"with the box replaced, {1000 * plain:.0f} ms without")
    if options.json:
        figures = {"ms": dict(zip((name for name, _ in steps), costs, strict=True)), "added_ms": added, "loop_s": looped,
                   "replace_s": after, "plain_s": plain}
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _steps() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each layer that works here on top of the ones before it: its name, and what to leave out."""
    with Box(Limits()) as box:
        box.start()
        there = {layer.partition("-")[0] for layer in box.layers} | ({"uid"} if os.geteuid() == 0 else set())
    yield "bare fork", ORDER
    for count, layer in enumerate(ORDER, 1):
        if layer.partition("-")[0] in there:
            yield f"+ {layer}", ORDER[count:]


def _program(source: str) -> Program:
    return Program("f", (ProgramCell(1, source, (0, 1)[: source.count("\ndef") + 1], ()),))


def cost_of(without: tuple[str, ...], runs: int) -> float:
    """Seconds of CPU for one run behind all layers but these."""
    return (_cpu(without, runs) - _cpu(without, 1)) / (runs - 1)


def _cpu(without: tuple[str, ...], runs: int) -> float:
    """Seconds of CPU of a box's processes, from its start to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    calls = [Invocation("f", (np.eye(6),))] * CALLS
    with Box(Limits(), demands=Demands("limits"), without=without) as box:
        for _ in range(runs):
            box.run(_program(SOURCE), calls)
    with contextlib.suppress(ChildProcessError):  # what ran inside bubblewrap comes to us, the subreaper
        while True:
            os.waitpid(-1, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def wall_of_a_loop() -> tuple[float, float, float]:
    """Seconds of wall time: a program that never ends, the one after it, and one after that."""
    call = [Invocation("f", (np.eye(6),))]
    times = [time.perf_counter()]
    with Box(Limits(LOOP_SECONDS, 10 * LOOP_SECONDS)) as box:
        box.start()
        times = [time.perf_counter()]
        for source in (LOOP, SOURCE, SOURCE):
            box.run(_program(source), call)
            times.append(time.perf_counter())
    return times[1] - times[0], times[2] - times[1], times[3] - times[2]


if __name__ == "__main__":
    main()
