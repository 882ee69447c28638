"""The lattice on disk, by content: computed once for an assignment and a seed, then read.

One .npz of plain arrays in the user's cache folder, for their eyes only, since it tells what hidden cases give. Whatever is wrong
with it, or with the folder, the lattice is computed anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from grader import __version__
from grader.assignment import Assignment
from grader.lattice import Entry, Lattice, RawAnswer, assemble, calls_of
from grader.lay_plan import identify_call
from grader.model import Array
from grader.plan import Plan
from grader.variants import build_lattice


def find_lattice(plan: Plan, assignment: Assignment, environment: Mapping[str, str]) -> Lattice:
    """The plan's lattice, from the cache folder (XDG_CACHE_HOME or ~/.cache) where it is known."""
    if assignment.misconceptions is None:
        return {}
    home = environment.get("XDG_CACHE_HOME") or str(Path(environment.get("HOME", "~")).expanduser() / ".cache")
    file = Path(home) / "grader" / f"lattice-{_key(plan, assignment)}.npz"
    try:
        return _read(file, plan)
    except (OSError, ValueError, KeyError, IndexError, TypeError, EOFError, zipfile.BadZipFile):
        lattice = build_lattice(plan, assignment)
    with contextlib.suppress(OSError):  # a home that cannot be written costs a second at each start
        _write(file, lattice)
    return lattice


def _key(plan: Plan, assignment: Assignment) -> str:
    """Changes with whatever the lattice depends on: the assignment's files, the drawn data, numpy and this program."""
    digest = hashlib.sha256(f"{__version__} {np.__version__} {assignment.digest}".encode())
    for exercise in plan.exercises.values():
        for call in exercise.calls:
            digest.update(repr(identify_call(call)).encode())
    return digest.hexdigest()[:32]


def _write(file: Path, lattice: Lattice) -> None:
    """One long array of numbers, and an index of where in it each answer's arrays begin and what shapes they have."""
    numbers: list[Array] = []
    index: dict[str, list[object]] = {}
    begin = 0
    for name, laid in lattice.items():
        index[name] = []
        for entry in laid.entries:
            answers: list[object] = []
            for answer in entry.answers:
                places = []
                for array in answer or ():
                    places.append([begin, array.shape])
                    numbers.append(array.ravel())
                    begin += array.size
                answers.append(None if answer is None else places)
            index[name].append([sorted(entry.slips), entry.on_earlier, answers])
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = np.frombuffer(json.dumps(index).encode(), dtype=np.uint8)
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".npz", delete=False) as stream:  # made with mode 0600
        np.savez(stream, index=text, numbers=np.concatenate([np.empty(0), *numbers]))
    os.replace(stream.name, file)


def _read(file: Path, plan: Plan) -> Lattice:
    with np.load(file, allow_pickle=False) as stored:
        index, numbers = json.loads(stored["index"].tobytes()), stored["numbers"]

    def answer(places: list[tuple[int, list[int]]] | None) -> RawAnswer | None:
        if places is None:
            return None
        return tuple(numbers[begin:begin + math.prod(shape)].reshape(shape) for begin, shape in places)

    return {
        name: assemble(plan, calls_of(exercise), [
            Entry(frozenset(slips), on_earlier, tuple(answer(places) for places in answers))
            for slips, on_earlier, answers in index[name]
        ])
        for name, exercise in plan.exercises.items()
    }
