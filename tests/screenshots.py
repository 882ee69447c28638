"""Pictures of every kind of page to be looked at: `make screenshots`, or `python -m tests.screenshots [--only TEXT]`.

Comes in: the made-up pages of page_kinds.py, and the sample class as `grader grade` and `grader verify` give it. Goes out: one PNG
for each page, width and colour scheme, whole pages. Judges nothing; the eye does.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser

from tests.chromium import CHROMIUM, open_chromium
from tests.page_kinds import KINDS
from tests.support import ROOT

Scheme = Literal["light", "dark"]

WIDTHS = (1280, 390)
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
SAMPLES = ("ada-okafor", "carla-gomez", "grace-liu", "jack-murphy", "liam-oconnor", "nadia-rahman", "noah-petrov", "quinn-taylor",
           "tomasz-nowak", "umar-farooq")
"""Submissions of the sample class that between them show everything a page may hold."""
README = ROOT / "docs" / "student-page.png"


def main() -> int:
    """Take the pictures and say where they are."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description="Take a picture of every kind of page.")
    parser.add_argument("--out", type=Path, default=Path("build/screenshots"))
    parser.add_argument("--only", default="", help="pages whose name holds this text")
    parser.add_argument("--readme", action="store_true", help=f"take {README.relative_to(ROOT)} anew, and nothing else")
    options = parser.parse_args()
    if CHROMIUM is None:
        print("chromium is not installed; on Debian and Ubuntu: sudo apt install chromium", file=sys.stderr)  # noqa: T201  a command
        return 1
    with tempfile.TemporaryDirectory() as folder, open_chromium() as browser:
        if options.readme:
            take_readme(browser)
            return 0
        addresses = {name: page for name, page in all_pages(Path(folder)).items() if options.only in name}
        count = sum(len(list(take(browser, name, page, options.out))) for name, page in addresses.items())
    print(f"{count} pictures of {len(addresses)} pages are in {options.out}/")  # noqa: T201  a command
    return 0


def all_pages(folder: Path) -> dict[str, Path]:
    """Write every page below a folder; their files by name."""
    made = {name: folder / f"{number}.html" for number, name in enumerate(KINDS)}
    for name, file in made.items():
        file.write_text(KINDS[name], encoding="utf-8")
    return made | grade_samples(folder / "samples")


def grade_samples(out: Path) -> dict[str, Path]:
    """Grade and verify the assignment that ships, as a user would."""
    for command in (["grade", "submissions/attention", "--out", str(out)], ["verify", "--page", str(out / "verify.html")]):
        subprocess.run([sys.executable, "-m", "grader", *command, "--seed", "screenshots"], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL)
    return {"sample class": out / "index.html", "sample verify": out / "verify.html"} | {
        f"sample {name}": out / "feedback" / f"{name}.html" for name in SAMPLES}


def take(browser: Browser, name: str, page: Path, out: Path) -> Iterator[Path]:
    """One picture for each width and scheme."""
    out.mkdir(parents=True, exist_ok=True)
    safe = re.sub(r"\W+", "-", name)
    for width in WIDTHS:
        for scheme in SCHEMES:
            tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            tab.goto(page.as_uri())
            file = out / f"{safe}-{width}-{scheme}.png"
            tab.screenshot(path=file, full_page=True)
            tab.close()
            yield file


def take_readme(browser: Browser) -> None:
    """The student's page that README.md shows, from the top to the first matrices."""
    tab = browser.new_page(viewport={"width": 1000, "height": 900}, color_scheme="light")
    tab.set_content(KINDS["student, no scale"])
    end = tab.locator("figure").first.bounding_box()
    assert end is not None
    tab.screenshot(path=README, full_page=True, clip={"x": 0, "y": 0, "width": 1000, "height": end["y"] + end["height"] + 24})


if __name__ == "__main__":
    sys.exit(main())
