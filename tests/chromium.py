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
             "--disable-quic")


@contextlib.contextmanager
def open_chromium(reach: str = "") -> Iterator[Browser]:
    """A browser for as long as it is needed; it finds no address but `reach`, if that is given."""
    assert CHROMIUM is not None, "CI has to install chromium"
    rules = f"MAP * ~NOTFOUND{f' , EXCLUDE {reach}' if reach else ''}"
    switches = [*_SWITCHES, f"--host-resolver-rules={rules}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=switches)
        try:
            yield opened
        finally:
            opened.close()
