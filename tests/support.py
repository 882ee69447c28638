"""Builders that the tests share: notebooks from cells, and the assignment's answers as source."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grader.model import NotebookFile, Submission
from grader.report.pages import SCRIPT

ROOT = Path(__file__).parent.parent

ATTENTION = '''
def self_attention(X, Wq, Wk, Wv):
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    S = Q @ K.T / np.sqrt(K.shape[1])
    E = np.exp(S - S.max(axis=1, keepdims=True))
    A = E / E.sum(axis=1, keepdims=True)
    return A @ V, A
'''.strip()

MULTI_HEAD = '''
def multi_head_attention(X, Wq, Wk, Wv, H):
    outputs, weights = [], []
    for q, k, v in zip(np.split(Wq, H, axis=1), np.split(Wk, H, axis=1), np.split(Wv, H, axis=1)):
        o, a = self_attention(X, q, k, v)
        outputs.append(o)
        weights.append(a)
    return np.concatenate(outputs, axis=1), np.array(weights)
'''.strip()

STUB = "def self_attention(X, Wq, Wk, Wv):\n    ...\n    return output, attention_weights"
MULTI_STUB = "def multi_head_attention(X, Wq, Wk, Wv, H):\n    ...\n    return output, attention_weights"


def code(source: str, **more: Any) -> dict[str, Any]:
    """A code cell."""
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None, **more}


def text(source: str, *tags: str) -> dict[str, Any]:
    """A markdown cell."""
    return {"cell_type": "markdown", "source": source, "metadata": {"tags": list(tags)} if tags else {}}


def notebook(*cells: str | dict[str, Any], language: str = "python") -> bytes:
    """A notebook; plain texts are code cells."""
    return json.dumps({
        "nbformat": 4, "nbformat_minor": 4, "metadata": {"kernelspec": {"name": language, "language": language}},
        "cells": [code(cell) if isinstance(cell, str) else cell for cell in cells],
    }).encode()


def solved(*more: str | dict[str, Any], first: str = ATTENTION, second: str = MULTI_HEAD) -> bytes:
    """A right notebook, or one with another (a) or (b); `more` follows."""
    return notebook("import numpy as np", first, second, *more)


def submission(folder: Path, content: bytes, name: str = "student") -> Submission:
    """A submission on disk."""
    file = folder / f"{name}.ipynb"
    file.write_bytes(content)
    return Submission(name, (NotebookFile(file.name, file),), file.name)


def without_own_script(page: str) -> str:
    """A page without the one script that a class page holds for its table."""
    own = f"<script>{SCRIPT}</script>"
    assert page.count(own) <= 1
    return page.replace(own, "")


def names(pieces: Sequence[Any]) -> list[str]:
    """The codes of notices, or the ids of diagnoses."""
    return [getattr(piece, "code", None) or piece.id for piece in pieces]
