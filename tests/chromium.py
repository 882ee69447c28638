"""The system's headless Chromium: where it is, and how it is opened so that it asks no network. Nothing is downloaded."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator

from playwright.sync_api import Browser, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ABSENT = CHROMIUM is None and not os.environ.get("CI")
"""No chromium where one may be missing; where CI is set, opening it fails instead."""
WHY_ABSENT = "there is no chromium to open pages in"

_SWITCHES = ("--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-quic", "--host-resolver-rules=MAP * ~NOTFOUND")


@contextlib.contextmanager
def open_chromium() -> Iterator[Browser]:
    """A browser for as long as it is needed."""
    assert CHROMIUM is not None, "CI has to install chromium"
    switches = [*_SWITCHES, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=switches)
        try:
            yield opened
        finally:
            opened.close()
