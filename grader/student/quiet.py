"""Calls in a student's kernel that leave nothing on the screen: no text, no picture, no warning, and no question to answer.

What a notebook has set for NumPy or warnings is set aside meanwhile, since a grader has it not.
"""

from __future__ import annotations

import builtins
import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

PYPLOT = "matplotlib.pyplot"


def find_shell() -> Any:
    """IPython's shell where this is a notebook, or an IPython terminal; None elsewhere. Imports nothing."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep all that is shown away from the screen."""
    with contextlib.ExitStack() as held:
        nowhere = held.enter_context(open(os.devnull, "w", encoding="utf-8"))
        held.enter_context(contextlib.redirect_stdout(nowhere))
        held.enter_context(contextlib.redirect_stderr(nowhere))
        if find_shell() is not None:
            from IPython.utils.capture import capture_output

            held.enter_context(capture_output(stdout=False, stderr=False))
        held.enter_context(_no_figures())
        held.enter_context(_replaced(builtins, "input", _no_input))
        held.enter_context(warnings.catch_warnings(action="ignore"))
        held.callback(sys.settrace, sys.gettrace())  # a debugger, which answering.py ends after each call
        held.callback(sys.setprofile, sys.getprofile())
        held.callback(sys.setrecursionlimit, sys.getrecursionlimit())
        held.enter_context(np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"))
        yield


def _no_input(*_: object) -> NoReturn:
    raise EOFError("EOF when reading a line")


@contextlib.contextmanager
def _replaced(module: Any, name: str, stand_in: object) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, stand_in)
    try:
        yield
    finally:
        setattr(module, name, before)


@contextlib.contextmanager
def _no_figures() -> Iterator[None]:
    """Show no window, and close what was opened meanwhile: a notebook shows at a cell's end what is open."""
    pyplot = sys.modules.get(PYPLOT)
    before = set(pyplot.get_fignums()) if pyplot else set()
    try:
        with _replaced(pyplot, "show", lambda *_, **__: None) if pyplot else contextlib.nullcontext():
            yield
    finally:
        if pyplot := sys.modules.get(PYPLOT):
            for number in set(pyplot.get_fignums()) - before:
                pyplot.close(number)
