"""How often a student has checked code that was wrong: the first tries may be told less than later ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from grader.student.outcome import Outcome
from grader.task import Hint, Task

MOST_KEPT = 50
"""Codes remembered for one exercise; a course tells everything long before."""


def choose_hints(outcome: Outcome, task: Task, file: Path) -> dict[str, Hint]:
    """What may be said of each exercise by now; the same code again is no new try. `file` keeps count where it can."""
    seen = _read(file)
    for name, exercise in outcome.exercises.items():
        codes = seen.setdefault(name, [])
        if exercise.verdict not in ("correct", "missing") and outcome.codes[name] not in codes:
            codes.append(outcome.codes[name])
    _write(file, {name: codes[-MOST_KEPT:] for name, codes in seen.items()})
    hints = task.selfcheck.hints
    return {name: hints[min(_position(outcome, name, seen), len(hints) - 1)] for name in outcome.exercises}


def _position(outcome: Outcome, name: str, seen: Mapping[str, list[str]]) -> int:
    codes = seen[name]
    return codes.index(outcome.codes[name]) if outcome.codes[name] in codes else len(codes)


def _read(file: Path) -> dict[str, list[str]]:
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return {str(name): [str(code) for code in codes] for name, codes in kept.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return _kept_here.setdefault(str(file), {})


def _write(file: Path, seen: dict[str, list[str]]) -> None:
    _kept_here[str(file)] = seen
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(seen), encoding="utf-8")
    except OSError:  # a folder that cannot be written: remembered as long as this process lives
        return


_kept_here: dict[str, dict[str, list[str]]] = {}
