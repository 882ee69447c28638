"""What a submission costs, next to what importing numpy costs: CPU and wall time, as ratios within this one run.

    python bench/cost.py [--copies N] [--jobs N]

Copies of the right sample submissions are graded through the whole path (read, extract, two-walled runs, judge, JSON, HTML).
CPU is that of every process of the run (RUSAGE_CHILDREN); the cost of starting up, workers and boxes included, is measured on as
many submissions as there are jobs and taken off. Machines are noisy: quote the ratio, not the seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


@dataclass(frozen=True)
class Cost:
    """Seconds of CPU and of wall time."""

    cpu: float
    wall: float


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=200, help="submissions to grade (default: 200)")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="worker processes (default: one per core)")
    parser.add_argument("--json", type=Path, default=None, help="also write the figures there")
    options = parser.parse_args()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    floor = [measure([sys.executable, "-c", "import numpy"]) for _ in range(7)]
    numpy_cpu = statistics.median(cost.cpu for cost in floor)
    with tempfile.TemporaryDirectory() as folder:
        few, many = Path(folder) / "few", Path(folder) / "many"
        kinds = hand_in(few, options.jobs)
        hand_in(many, options.copies + options.jobs)
        start = measure(grade(few, Path(folder) / "out-few", options.jobs))
        total = measure(grade(many, Path(folder) / "out-many", options.jobs))
        pages = sum(file.stat().st_size for file in (Path(folder) / "out-many" / "feedback").iterdir())
    cpu, wall = (total.cpu - start.cpu) / options.copies, (total.wall - start.wall) / options.copies
    figures = {
        "submissions": options.copies, "kinds": kinds, "jobs": options.jobs, "cpu_per_submission_ms": 1000 * cpu,
        "wall_per_submission_ms": 1000 * wall, "import_numpy_cpu_ms": 1000 * numpy_cpu, "ratio": cpu / numpy_cpu,
        "start_cpu_s": start.cpu, "page_kb": pages / (options.copies + options.jobs) / 1000,
    }
    print(f"{options.copies} submissions ({kinds} different right ones), {options.jobs} jobs")
    print(f"  CPU per submission          {1000 * cpu:8.1f} ms")
    print(f"  wall per submission         {1000 * wall:8.1f} ms")
    print(f"  CPU of `import numpy`       {1000 * numpy_cpu:8.1f} ms   (median of {len(floor)})")
    print(f"  ratio                       {cpu / numpy_cpu:8.2f}      (target: below 1)")
    print(f"  start of a run, CPU         {start.cpu:8.2f} s    (once, with {options.jobs} submissions)")
    print(f"  page                        {figures['page_kb']:8.1f} kB")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def hand_in(folder: Path, count: int) -> int:
    """Fill a folder with copies of the samples that earn full marks; returns how many different ones there are."""
    expected = tomllib.loads((ROOT / "tests" / "samples.toml").read_text(encoding="utf-8"))
    right = [name for name, row in expected.items() if row.get("a", {}).get("score") == row.get("b", {}).get("score") == 40]
    files = [file for name in right if (file := ROOT / "submissions" / "attention" / f"{name}.ipynb").is_file()]
    folder.mkdir()
    for index in range(count):
        (folder / f"student-{index:05}.ipynb").write_bytes(files[index % len(files)].read_bytes())
    return len(files)


def grade(folder: Path, out: Path, jobs: int) -> list[str]:
    """The command that grades a folder."""
    return [sys.executable, "-m", "grader", "grade", str(folder), "--out", str(out), "--jobs", str(jobs), "--seed", "bench",
            "--assignment", str(ROOT / "reference" / "attention")]


def measure(command: list[str]) -> Cost:
    """Run a command to its end; its CPU is that of all its processes, also of those whose parent left without waiting.

    bubblewrap is such a parent: what ran in it comes to us, since we are the subreaper, and counts once we have waited for it.
    """
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    wall = time.perf_counter() - began
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)


if __name__ == "__main__":
    main()
