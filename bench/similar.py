"""What comparing a class costs, and what it finds: CPU of all processes, for a class of 400 and one of 5,000.

    python -m bench.similar [--sizes 400 5000] [--jobs N]

"usual n" are n functions of six steps, each step in one of a few usual ways, and nobody has seen another's: from which length on
are none of them listed? "made up" are random programs of 60 statements; one in fifty is another's in disguise. Reading grows with
the class; the rest, which compares, could grow faster, so it is told apart.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from grader.assignment import load_assignment
from grader.collect import collect
from grader.compare import compare
from tests.alike import disguise, hand_in, write_program, write_solution

ROOT = Path(__file__).parent.parent
EVERY = 50


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[400, 5000], help="hand-ins (default: 400 5000)")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="worker processes (default: one per core)")
    options = parser.parse_args()
    print("class    hand-ins  reading, CPU s  the rest, CPU s  wall s   MB  median  groups  members  planted pairs found")
    for size in options.sizes:
        for tasks in (1, 2, 3, 4, 0) if size == min(options.sizes) else (0,):
            with tempfile.TemporaryDirectory() as folder:
                planted = set(write_class(Path(folder), tasks, size))
                measure(Path(folder), f"usual {tasks}" if tasks else "made up", planted, options.jobs)


def write_class(folder: Path, tasks: int, size: int) -> Iterator[tuple[str, ...]]:
    """Write the notebooks; yields the pairs that are one program in two disguises."""
    for number in range(size):
        copied = not tasks and number % EVERY == EVERY - 1
        source = write_solution(number, tasks) if tasks else write_program(number - copied, 60)
        (folder / f"s{number:05}.ipynb").write_bytes(hand_in(disguise(source, number)))
        if copied:
            yield f"s{number - 1:05}", f"s{number:05}"


def measure(folder: Path, kind: str, planted: set[tuple[str, ...]], jobs: int) -> None:
    """One row of the table."""
    assignment = load_assignment(ROOT / "reference" / "attention")
    submissions = collect(folder).submissions
    before, wall = _cpu(), time.perf_counter()
    survey = compare(submissions, assignment, jobs, lambda: None, even_short=True)
    (ours, theirs), wall = _cpu(), time.perf_counter() - wall
    found = {cluster.members for cluster in survey.clusters}
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{kind:7}  {len(submissions):8}  {theirs - before[1]:14.1f}  {ours - before[0]:15.1f}  {wall:6.1f}  {megabytes:3}  "
          f"{survey.median:6.0f}  {len(found):6}  {sum(map(len, found)):7}  {len(found & planted)} of {len(planted)}")


def _cpu() -> tuple[float, float]:
    """Seconds of this process and of the workers that have ended."""
    ours, theirs = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return ours.ru_utime + ours.ru_stime, theirs.ru_utime + theirs.ru_stime


if __name__ == "__main__":
    main()
