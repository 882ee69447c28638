"""The lattice on disk, by content: computed once for an assignment and a seed, then read.

One .npz of plain arrays in the user's cache folder, for their eyes only, since it tells what hidden cases give. Whatever is wrong
with it, or with the folder, the lattice is computed anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from grader import __version__
from grader.lattice import Entry, Lattice, RawAnswer, assemble, build_lattice, calls_of, identify
from grader.model import Array
from grader.plan import Plan


def find_lattice(plan: Plan, environment: Mapping[str, str]) -> Lattice:
    """The plan's lattice, from the cache folder (XDG_CACHE_HOME or ~/.cache) where it is known."""
    if plan.assignment.misconceptions is None:
        return {}
    home = environment.get("XDG_CACHE_HOME") or str(Path(environment.get("HOME", "~")).expanduser() / ".cache")
    file = Path(home) / "grader" / f"lattice-{_key(plan)}.npz"
    try:
        return _read(file, plan)
    except (OSError, ValueError, KeyError, IndexError, TypeError, EOFError, zipfile.BadZipFile):
        lattice = build_lattice(plan)
    with contextlib.suppress(OSError):  # a home that cannot be written costs a second at each start
        _write(file, lattice)
    return lattice


def _key(plan: Plan) -> str:
    """Changes with whatever the lattice depends on: the assignment's files, the drawn data, numpy and this program."""
    digest = hashlib.sha256(f"{__version__} {np.__version__} {plan.assignment.digest}".encode())
    for exercise in plan.exercises.values():
        for call in exercise.calls:
            digest.update(repr(identify(call)).encode())
    return digest.hexdigest()[:32]


def _write(file: Path, lattice: Lattice) -> None:
    index: dict[str, list[object]] = {}
    arrays: dict[str, Array] = {}
    for name, laid in lattice.items():
        index[name] = []
        for entry in laid.entries:
            answers: list[object] = []
            for answer in entry.answers:
                numbers = None if answer is None else list(range(len(arrays), len(arrays) + len(answer)))
                arrays |= {str(number): array for number, array in zip(numbers or (), answer or (), strict=True)}
                answers.append(numbers)
            index[name].append([sorted(entry.slips), entry.on_earlier, answers])
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    arrays["index"] = np.frombuffer(json.dumps(index).encode(), dtype=np.uint8)
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".npz", delete=False) as stream:  # made with mode 0600
        np.savez(stream, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for its own options
    os.replace(stream.name, file)


def _read(file: Path, plan: Plan) -> Lattice:
    with np.load(file, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    index = json.loads(arrays["index"].tobytes())

    def answer(numbers: list[int] | None) -> RawAnswer | None:
        return None if numbers is None else tuple(arrays[str(number)] for number in numbers)

    return {
        name: assemble(plan, calls_of(exercise), [
            Entry(frozenset(slips), on_earlier, tuple(answer(numbers) for numbers in answers))
            for slips, on_earlier, answers in index[name]
        ])
        for name, exercise in plan.exercises.items()
    }
