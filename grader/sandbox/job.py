"""A program and the calls to make, as the bytes that answering.py is given."""

from __future__ import annotations

from collections.abc import Sequence

from grader.model import Invocation, Limits, Program
from grader.tensors import encode, encode_calls


def encode_job(program: Program, invocations: Sequence[Invocation], limits: Limits) -> bytes:
    """Return what is sent to have a program run and its functions called."""
    calls, blobs = encode_calls(invocations)
    cells = [{"cell": cell.cell, "source": cell.source, "statements": cell.statements} for cell in program.cells]
    return encode({"cells": cells, "calls": calls, "limits": vars(limits)}, blobs)
