"""`make fuzz`: mutants by the ten thousand, in two processes; what raises or is slow is saved under tests/fuzz-failures/.

A mutant depends on the seed and its own number alone, so `--only NUMBER` makes it again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

from grader.assignment import load_assignment
from grader.handout import read_template
from tests.mutants import check_frame, check_notebook, check_stream, find_notebooks, mutate_notebook, mutate_stream
from tests.support import ROOT

FAILURES = ROOT / "tests" / "fuzz-failures"
PROCESSES = 2
NOTEBOOKS = 0.2  # of all mutants; the rest are frames and streams of them
SLOW = 5.0  # seconds of processor time for one mutant
TOLD = 50  # mutants that a process makes between two words to the parent

Tally = Counter[str]


class SlowError(BaseException):
    """A mutant takes too long; no `except Exception` of the code under test may swallow this."""


def make_mutant(seed: str, number: int, originals: list[bytes]) -> tuple[str, bytes, Random]:
    """A mutant's kind and bytes, and the Random that goes on to choose its pieces."""
    random = Random(f"{seed} {number}")
    if random.random() < NOTEBOOKS:
        return "notebook", mutate_notebook(originals, random), random
    return random.choice(("frame", "stream")), mutate_stream(random), random


def try_mutant(check: Callable[[], str]) -> tuple[str, str]:
    """What became of one mutant, and the traceback if it failed."""
    signal.setitimer(signal.ITIMER_PROF, SLOW)
    try:
        return check(), ""
    except SlowError:
        return "SLOW", traceback.format_exc()
    except Exception:
        return "FAILED", traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def try_many(numbers: range, seed: str) -> Iterator[Tally]:
    """Make and try these mutants; yields counts by kind as it goes."""
    assignment = load_assignment(ROOT / "reference" / "attention")
    template, originals = read_template(assignment), find_notebooks()
    tally: Tally = Counter()
    for number in numbers:
        kind, data, random = make_mutant(seed, number, originals)
        checks: dict[str, Callable[[], str]] = {
            "notebook": partial(check_notebook, data, assignment, template),
            "frame": partial(check_frame, data),
            "stream": partial(check_stream, data, random),
        }
        said, trace = try_mutant(checks[kind])
        if trace:
            save(f"{seed}-{number}-{kind}-{said.lower()}", data, trace)
        tally[f"{kind} {said}"] += 1
        if tally.total() >= TOLD:
            yield tally
            tally = Counter()
    yield tally


def save(name: str, data: bytes, trace: str) -> None:
    """Keep a mutant and its traceback."""
    FAILURES.mkdir(exist_ok=True)
    safe = "".join(c if c.isalnum() or c == "-" else "_" for c in name)
    (FAILURES / f"{safe}.bin").write_bytes(data)
    (FAILURES / f"{safe}.txt").write_text(trace)


def work(numbers: range, seed: str, told: multiprocessing.SimpleQueue[Tally]) -> None:
    """One process: tell the parent of each part."""
    signal.signal(signal.SIGPROF, _stop_slow)
    for tally in try_many(numbers, seed):
        told.put(tally)


def _stop_slow(*_: object) -> None:
    raise SlowError


def run(numbers: range, seed: str, minutes: float) -> Tally:
    """Share the numbers out, gather what is told, and stop when the time is up."""
    told: multiprocessing.SimpleQueue[Tally] = multiprocessing.SimpleQueue()
    parts = [numbers[at::PROCESSES] for at in range(min(PROCESSES, len(numbers)))]
    workers = [multiprocessing.Process(target=work, args=(part, seed, told), daemon=True) for part in parts]
    end, total = time.monotonic() + minutes * 60, Tally()
    for worker in workers:
        worker.start()
    while time.monotonic() < end and (any(worker.is_alive() for worker in workers) or not told.empty()):
        if told.empty():
            time.sleep(0.05)
        else:
            total += told.get()
    total["process FAILED"] += sum(worker.exitcode not in (None, 0) for worker in workers)  # the interpreter itself died
    for worker in workers:
        worker.terminate()
        worker.join()
    return +total


def report(total: Tally, wanted: int, seconds: float) -> str:
    """Count by kind and rate, as lines."""
    lines = [f"{count:8,}  {kind}" for kind, count in sorted(total.items())]
    return "\n".join([*lines, f"{total.total():8,}  of {wanted:,} in {seconds:.0f} s, {total.total() / seconds:.0f} a second"])


def main() -> int:
    """Run as asked; 1 if any mutant raised or was slow. Time that is up is no failure: the last line says how many were tried."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Try spoilt frames and notebooks.")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", default=os.urandom(4).hex())
    parser.add_argument("--minutes", type=float, default=24 * 60, help="stop then, whatever is left")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="this mutant alone")
    asked = parser.parse_args()
    numbers = range(asked.count) if asked.only is None else range(asked.only, asked.only + 1)
    sys.stdout.write(f"seed {asked.seed}\n")
    sys.stdout.flush()
    start = time.monotonic()
    total = run(numbers, asked.seed, asked.minutes)
    sys.stdout.write(report(total, len(numbers), time.monotonic() - start) + "\n")
    wrong = sum(count for kind, count in total.items() if kind.endswith(("FAILED", "SLOW")))
    if wrong:
        sys.stdout.write(f"{wrong} failed or took more than {SLOW:.0f} s: {FAILURES.relative_to(Path.cwd())}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
