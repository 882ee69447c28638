"""Notebook cells -> plain Python, through nbconvert, with every line's place in the student's own cell kept.

nbconvert (with IPython's input transformer) knows `%magic`, `!command` and `name?`. What it does not keep is positions, and it
packs a cell magic's body into a string; both are mended here.
"""

from __future__ import annotations

import ast
import difflib
import re
import secrets
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from grader.extract.depth import check_depth
from grader.extract.jupyter import PythonExporter, nbformat
from grader.extract.notebook import Cell
from grader.messages import say, text_of

PYTHON_MAGICS = frozenset({"time", "timeit", "capture", "prun", "memit", "mprun", "lprun", "snakeviz", "scalene"})
"""Cell magics whose body is Python that runs in the notebook's own namespace."""

MOST_TOKENIZED = 200_000
"""Lines that IPython may read for one cell: it reads the whole cell anew for each magic in it."""

MAGIC = re.compile(r"^[^\S\n]*(?:[%!?]|[^\n=]*=[^\S\n]*[%!])|\?[^\S\n]*$", re.M)

HELP = re.compile(r"\?[^\S\n]*$", re.M)
ASKED = re.compile(r"[\w*.\[\]-]+")
LONGEST_ASKED = 300
"""Signs of what stands before a `?`: IPython looks for a name anew from each of them, which costs their number squared."""

LONGEST_ALIGNED = 3000  # lines; beyond, difflib's cost is not worth a position


@dataclass(frozen=True)
class PythonCell:
    """A code cell as Python. `tree` is None and `problem` set when it does not parse; lines as in `model.ProgramCell`."""

    number: int
    original: str
    source: str
    lines: tuple[int, ...]
    tree: ast.Module | None
    problem: str = ""
    problem_line: int | None = None

    def line_of(self, line: int) -> int:
        """The student's own line for a line of `source`."""
        return self.lines[min(max(line, 1), len(self.lines)) - 1] if self.lines else 1


def convert_cells(cells: Sequence[Cell]) -> list[PythonCell]:
    """Every code cell as Python, in order; a cell that is no Python comes back with its problem."""
    code = [cell for cell in cells if cell.kind == "code"]
    prepared = [_without_cell_magic(cell.source) for cell in code]
    dear = [_is_dear(source) for source in prepared]
    exported = _export(["" if skip else source for skip, source in zip(dear, prepared, strict=True)])
    sources = [before if skip else after for skip, before, after in zip(dear, prepared, exported, strict=True)]
    return [_parse(cell, source) for cell, source in zip(code, sources, strict=True)]


def can_convert() -> bool:
    """Whether nbconvert is whole on this machine: its templates are files beside it, which some installations do not find."""
    try:
        return _exporter()[0].from_notebook_node(nbformat.v4.new_notebook())[0] is not None
    except Exception:  # whatever it misses, it is of no use
        return False


def _is_dear(source: str) -> bool:
    """Whether a cell holds so many magics, on which IPython gives up at 500, or so long a question, that it is left as it is."""
    if HELP.search(source) and any(len(name) > LONGEST_ASKED for name in ASKED.findall(source)):
        return True
    return len(MAGIC.findall(source)) * (source.count("\n") + 1) > MOST_TOKENIZED


def _without_cell_magic(source: str) -> str:
    """Blank the `%%time` line of a cell whose body is Python; blank the whole cell when its body is something else."""
    found = re.match(r"\s*%%(\w*)[^\n]*", source)
    if not found:
        return source
    blank = "\n" * found[0].count("\n")
    return blank + source[found.end():] if found[1] in PYTHON_MAGICS else ""


def _export(sources: list[str]) -> list[str]:
    exporter, marker = _exporter()
    notebook = nbformat.from_dict({
        "nbformat": 4, "nbformat_minor": 5, "metadata": {},
        "cells": [{"cell_type": "code", "source": source, "metadata": {}, "outputs": []} for source in sources],
    })
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            script, _ = exporter.from_notebook_node(notebook)
    except Exception:  # one cell that IPython's tokenizer chokes on must not cost the others
        return [_export([source])[0] for source in sources] if len(sources) > 1 else sources
    parts = script.split(marker)[1:]
    return [part.removeprefix("\n").removesuffix("\n") for part in parts] if len(parts) == len(sources) else sources


@cache
def _exporter() -> tuple[Any, str]:
    """One exporter for the process's life, and the marker that parts the cells: secret, since a cell may hold any text."""
    marker = f"# cell {secrets.token_hex(16)}"
    template = "{% for cell in nb.cells %}" + marker + "\n{{ cell.source | ipython2python }}\n{% endfor %}"
    return PythonExporter(raw_template=template, default_preprocessors=[]), marker


def _parse(cell: Cell, source: str) -> PythonCell:
    source = source.rstrip("\n")
    lines = _align(cell.source.rstrip("\n"), source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = check_depth(ast.parse(source))
    except SyntaxError as error:
        line = lines[min(error.lineno or 1, len(lines)) - 1] if lines else 1
        return PythonCell(cell.number, cell.source, source, lines, None, error.msg or say("invalid syntax"), line)
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return PythonCell(cell.number, cell.source, source, lines, None, _words(error), 1)
    return PythonCell(cell.number, cell.source, source, lines, tree)


def _words(error: Exception) -> str:
    if isinstance(error, RecursionError | MemoryError):
        return say("it is nested too deeply")
    return text_of(error)


def _align(original: str, converted: str) -> tuple[int, ...]:
    """For each line of `converted`, its line in `original`, both from 1."""
    before, after = original.split("\n"), converted.split("\n")
    if before == after:
        return tuple(range(1, len(after) + 1))
    if len(before) > LONGEST_ALIGNED:
        return _align_long(before, after)
    blank = next((index for index, line in enumerate(before) if line.strip()), 0)
    if len(before) - blank == len(after):
        return tuple(min(index + blank + 1, len(before)) for index in range(len(after)))
    lines: list[int] = []
    for _, start, stop, first, last in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        lines += [min(start + step, max(stop - 1, start), len(before) - 1) + 1 for step in range(last - first)]
    return tuple(lines)


def _align_long(before: list[str], after: list[str]) -> tuple[int, ...]:
    """As `_align` for a cell of thousands of lines: from both ends as far as lines agree, by proportion in between."""
    shorter = min(len(before), len(after))
    front = next((at for at in range(shorter) if before[at] != after[at]), shorter)
    most = shorter - front
    back = next((at for at in range(most) if before[-1 - at] != after[-1 - at]), most)
    shift = len(before) - len(after)
    return tuple(
        at + 1 if at < front else at + 1 + shift if at >= len(after) - back else min(at + 1 + max(shift, 0), len(before))
        for at in range(len(after))
    )
