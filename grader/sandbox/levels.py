"""How strong a sandbox is: the layers that are there -> a level. Knows names alone; starts and asks nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from grader.model import SandboxLevel

LEVELS: tuple[SandboxLevel, ...] = get_args(SandboxLevel)
"""From the weakest to the strongest."""


def level_of(layers: Sequence[str]) -> SandboxLevel:
    """Return the strongest level that these layers make up.

    The inner wall is seccomp with something that keeps files away. Both walls are that inside bubblewrap.
    """
    names = {layer.partition("-")[0] for layer in layers}  # landlock-7, uid-drop
    contained = "bubblewrap" in names
    if "seccomp" not in names or not (contained or names & {"landlock", "uid"}):
        return "limits"
    return "both walls" if contained and names & {"landlock", "uid"} else "inner wall"


def is_at_least(level: SandboxLevel, minimum: SandboxLevel) -> bool:
    """Tell whether a level is as strong as the minimum."""
    return LEVELS.index(level) >= LEVELS.index(minimum)
