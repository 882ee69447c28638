"""A Python that has what reading notebooks needs: the one that runs, or a virtual environment made once beside the self-check.

Needs the standard library alone. Nothing is installed where all is there already.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from pathlib import Path

NEEDED = ("numpy", "nbformat", "nbconvert", "IPython")
ALSO = ("scipy",)
"""Installed as well, not asked for: a function may call SciPy, and the grader has it."""
READY = "ready"
"""A file that is there when all is installed; it says what was asked for."""


class SetUpError(Exception):
    """There is no such Python and none could be made; the text says why and what to do."""


def has_all(names: Sequence[str] = NEEDED) -> bool:
    """Whether this Python can import them all."""
    return all(importlib.util.find_spec(name) is not None for name in names)


def find_python(folder: Path, requirements: Sequence[str], tell: Callable[[str], object]) -> Path:
    """The Python of the virtual environment in `folder`, made first where it is not ready; raises SetUpError."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if python.exists() and _is_ready(folder, requirements):
        return python
    tell(f"Setting up once, in {folder}: a minute or so, 350 MB. Coming back is quick.")
    try:
        _set_up(folder, python, requirements)
    except KeyboardInterrupt:
        raise SetUpError("The set-up was stopped. Run the self-check again to set up anew.") from None
    return python


def _is_ready(folder: Path, requirements: Sequence[str]) -> bool:
    try:
        return (folder / READY).read_text(encoding="utf-8").split("\n") == list(requirements)
    except (OSError, ValueError):
        return False


def _set_up(folder: Path, python: Path, requirements: Sequence[str]) -> None:
    try:
        venv.create(folder, with_pip=True, clear=True)
    except OSError as error:
        raise SetUpError(
            f"{folder} could not be written ({error.strerror}). Unpack the zip in a folder of your own with 400 MB of room, "
            "and run the self-check there.") from None
    except subprocess.CalledProcessError:
        raise SetUpError(
            f"{sys.executable} could not make a virtual environment. On Debian and Ubuntu: sudo apt install python3-venv. "
            f"Or install what is needed yourself: {sys.executable} -m pip install {' '.join(NEEDED)}") from None
    problem = _install(python, requirements)
    if problem:
        raise SetUpError(
            f"pip could not install {', '.join((*NEEDED, *ALSO))}: {problem}.\n"
            "Is there a connection to the internet? Then run the self-check again. Without one, check inside your notebook, "
            "where NumPy is all it needs: from selfcheck import check, then check().")
    (folder / READY).write_text("\n".join(requirements), encoding="utf-8")


def _install(python: Path, requirements: Sequence[str]) -> str:
    """Install them with pip; returns why it did not work, or nothing."""
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", *requirements]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, encoding="utf-8", errors="replace")  # noqa: S603  a Python of our own
    except OSError as error:
        return str(error)
    said = (done.stderr or done.stdout).strip().splitlines()
    return (said[-1] if said else "it did not say why") if done.returncode else ""


def run_again(python: Path, script: Path, arguments: Sequence[str]) -> int:
    """Run the self-check with another Python; returns its exit status."""
    try:
        return subprocess.run([str(python), str(script), *arguments], check=False).returncode  # noqa: S603  as above
    except KeyboardInterrupt:  # it was told as well
        return 0 if "--watch" in arguments else 1
