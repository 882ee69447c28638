"""How long a class page of thousands of rows takes to open, next to a bare table of the same texts, in one headless Chromium.

    python bench/class_page.py [--rows N] [--rounds N]

Opened means: loaded, and the first frame drawn after it. Searching and sorting are timed in the page until the layout is done.
The median of the rounds is printed; quote the ratio.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from grader.assignment import Assignment, load_assignment
from grader.collect import collect
from grader.crew import default_jobs
from grader.distribute import grade_all
from grader.model import Result
from grader.pipeline import prepare
from grader.report import render_class

ROOT = Path(__file__).parent.parent
DRAWN = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)))"
SEARCH = """() => {
  const one = document.querySelector(".tools input");
  one.value = "softmax";
  one.dispatchEvent(new Event("input"));
}"""
SORT = "() => document.querySelectorAll('.class thead button')[1].click()"
LAID_OUT = "() => document.body.offsetHeight"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5000, help="submissions in the class (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="times that each page is opened (default: %(default)s)")
    options = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        print("chromium is not installed, so the class page was not opened")
        return 0
    assignment = load_assignment(ROOT / "reference" / "attention")
    results = _many(_graded(assignment), options.rows)
    started = time.process_time()
    page = render_class(results, assignment)
    spent = time.process_time() - started
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        ours, bare = Path(folder, "ours.html"), Path(folder, "bare.html")
        ours.write_text(page, encoding="utf-8")
        bare.write_text(_bare(results), encoding="utf-8")
        rounds = [
            (*_try(browser.new_page(), ours, (SEARCH, SORT)), *_try(browser.new_page(), bare, ())) for _ in range(options.rounds)
        ]
    opened, searched, ordered, plain = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"class page of {options.rows} rows: {len(page) / 1e6:.1f} MB, {spent:.2f} s of CPU to render; "
          f"opens in {opened:.2f} s, a bare table in {plain:.2f} s (ratio {opened / plain:.1f}); "
          f"search {searched:.2f} s, sort {ordered:.2f} s")
    return 0


def _graded(assignment: Assignment) -> Sequence[Result]:
    with tempfile.TemporaryDirectory() as out:
        found = collect(ROOT / "submissions" / "attention").submissions
        return grade_all(found, prepare(assignment, "bench"), Path(out), default_jobs(), lambda _: None)


def _many(results: Sequence[Result], count: int) -> list[Result]:
    chosen = (results[number % len(results)] for number in range(count))
    names = ((one, f"{one.submission.id}-{number:05}") for number, one in enumerate(chosen))
    return [replace(one, submission=replace(one.submission, id=name)) for one, name in names]


def _bare(results: Sequence[Result]) -> str:
    rows = "".join(
        f"<tr><th>{one.submission.id}<td>{one.score} of {one.points}" + "".join(
            f"<td>{part.verdict} {part.score}" for part in one.exercises.values())
        + "<td>not marked yet<td>" + "; ".join(slip.title for part in one.exercises.values() for slip in part.diagnoses)
        for one in results)
    return f"<!doctype html><meta charset=utf-8><table>{rows}</table>"


def _try(tab: Page, file: Path, acts: Sequence[str]) -> list[float]:
    def timed(act: Callable[[], object]) -> float:
        started = time.monotonic()
        act()
        return time.monotonic() - started

    def opening() -> None:
        tab.goto(file.as_uri())
        tab.evaluate(DRAWN)

    def acting(act: str) -> Callable[[], object]:
        return lambda: (tab.evaluate(act), tab.evaluate(LAID_OUT))

    figures = [timed(opening), *(timed(acting(act)) for act in acts)]
    tab.close()
    return figures


if __name__ == "__main__":
    sys.exit(main())
