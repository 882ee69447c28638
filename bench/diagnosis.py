"""What naming a slip costs: the lattice built and read from disk, and one search, in CPU time of this process.

    python bench/diagnosis.py

Every single slip of both exercises is rehearsed and named; judging is timed apart, since a wrong answer is judged anyway.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from grader.assignment import load_assignment
from grader.checks import Heard, judge
from grader.lattice_cache import find_lattice
from grader.make_plan import make_plan
from grader.model import Extraction, Program, Slice
from grader.name_slips import name_slips
from grader.rehearse import rehearse
from grader.variants import build_lattice, list_variants

ROOT = Path(__file__).parent.parent
Made = TypeVar("Made")


def main() -> None:
    """Measure and print the table."""
    assignment = load_assignment(ROOT / "reference" / "attention")
    plan = make_plan(assignment, "bench")
    lattice, built = timed(lambda: build_lattice(plan, assignment))
    with tempfile.TemporaryDirectory() as folder:
        find_lattice(plan, assignment, {"XDG_CACHE_HOME": folder})
        _, read = timed(lambda: find_lattice(plan, assignment, {"XDG_CACHE_HOME": folder}))
    slices = {name: Slice("defined", program=Program(name, ())) for name in plan.exercises}
    judged, named = [], []
    right: dict[str, Heard] = {}
    for name, exercise in plan.exercises.items():
        earlier = {part: getattr(assignment.solution, part) for part in exercise.spec.builds_on}
        for variant in list_variants(assignment, name, earlier):
            if len(variant.slips) == 1:
                transcript = rehearse(name, variant.function, exercise.invocations)
                heard, cost = timed(lambda: judge(plan, name, slices[name], transcript, right))  # noqa: B023  called at once
                judged.append(cost)
                _, cost = timed(lambda: name_slips(
                    plan, lattice, name, {**right, name: heard}, Extraction(slices, {})))  # noqa: B023  called at once
                named.append(cost)
        transcript = rehearse(name, getattr(assignment.solution, name), exercise.invocations)
        right[name] = judge(plan, name, slices[name], transcript, right)
    print(f"diagnosis, {len(named)} wrong answers, {sum(len(laid.entries) for laid in lattice.values())} variants")
    print(f"  lattice, built once         {built:8.2f} s")
    print(f"  lattice, read from disk     {read:8.2f} s")
    print(f"  judging one exercise        {1000 * statistics.median(judged):8.2f} ms   (median)")
    print(f"  naming its slip             {1000 * statistics.median(named):8.2f} ms   (median; target: at most 2)")
    print(f"  CPU of `import numpy`       {1000 * import_numpy():8.1f} ms")


def timed(work: Callable[[], Made]) -> tuple[Made, float]:
    """A result and the CPU seconds it took."""
    began = time.process_time()
    made = work()
    return made, time.process_time() - began


def import_numpy() -> float:
    """CPU seconds of a fresh interpreter that imports numpy."""
    command = [sys.executable, "-c", "import numpy, time; print(time.process_time())"]
    return statistics.median(float(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(5))


if __name__ == "__main__":
    main()
