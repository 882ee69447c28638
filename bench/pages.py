"""What a student's page weighs and what rendering it costs, next to `import numpy`, within this one run.

    python bench/pages.py [--rounds N] [--json FILE]

The sample class is graded once; then each page is rendered N times in this process. A figure is the least of a page's rounds,
since other work on the machine can only add to it; quote the ratio, not the milliseconds. Formulas are laid out anew each time,
as for the first of a class; "again" is a page whose formulas others have had before.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from grader.assignment import Assignment, load_assignment
from grader.collect import collect
from grader.model import Graded
from grader.pipeline import grade, open_box, prepare
from grader.report import render_class, render_student
from grader.report.prose import _formula

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="times that each page is rendered (default: %(default)s)")
    parser.add_argument("--json", type=Path, default=None, help="also write the figures there")
    options = parser.parse_args()
    assignment = load_assignment(ROOT / "reference" / "attention")
    graded = grade_samples()
    sizes = {one.result.submission.id: len(render_student(one, assignment).encode()) / 1000 for one in graded}
    costs = {one.result.submission.id: least(partial(render_anew, one, assignment), options.rounds) for one in graded}
    again = {one.result.submission.id: least(partial(render_student, one, assignment), options.rounds) for one in graded}
    results = [one.result for one in graded]
    whole = least(lambda: render_class(results, assignment), options.rounds)
    floor = import_numpy()
    heaviest, dearest = max(sizes, key=sizes.__getitem__), max(costs, key=costs.__getitem__)
    print(f"{len(graded)} pages, each rendered {options.rounds} times")
    print(f"  page, lightest              {min(sizes.values()):8.1f} kB")
    print(f"  page, median                {statistics.median(sizes.values()):8.1f} kB")
    print(f"  page, heaviest              {sizes[heaviest]:8.1f} kB   ({heaviest}; target: below 150)")
    print(f"  CPU of a page, median       {statistics.median(costs.values()):8.2f} ms")
    print(f"  CPU of a page, dearest      {costs[dearest]:8.2f} ms   ({dearest}; target: below 4)")
    print(f"  CPU of a page again, median {statistics.median(again.values()):8.2f} ms")
    print(f"  CPU of a page again, dearest{max(again.values()):8.2f} ms")
    print(f"  pages that cost more        {sum(cost >= 4 for cost in costs.values()):8}")
    print(f"  CPU of the class page       {whole:8.2f} ms   ({len(graded)} rows)")
    print(f"  CPU of `import numpy`       {floor:8.1f} ms")
    print(f"  dearest page, ratio         {costs[dearest] / floor:8.3f}")
    if options.json:
        figures = {"kb": sizes, "cpu_ms": costs, "again_cpu_ms": again, "class_cpu_ms": whole, "import_numpy_cpu_ms": floor}
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def grade_samples() -> list[Graded]:
    """The sample class with all that its pages show."""
    course = prepare(load_assignment(ROOT / "reference" / "attention"), "bench")
    with open_box(course.assignment) as box:
        return [grade(submission, course, box) for submission in collect(ROOT / "submissions" / "attention").submissions]


def render_anew(one: Graded, assignment: Assignment) -> None:
    """A page as if no other had held its formulas."""
    _formula.cache_clear()
    render_student(one, assignment)


def least(work: Callable[[], object], rounds: int) -> float:
    """Milliseconds of CPU of the quickest round."""
    costs = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        costs.append(time.process_time() - began)
    return 1000 * min(costs)


def import_numpy() -> float:
    """Milliseconds of CPU of a fresh interpreter that imports numpy."""
    command = [sys.executable, "-c", "import numpy, time; print(time.process_time())"]
    return 1000 * statistics.median(float(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(5))


if __name__ == "__main__":
    main()
