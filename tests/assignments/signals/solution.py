"""Reference of the second assignment: nothing here knows of attention."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]


def smooth(signal: Signal, width: int) -> Signal:
    """Mean over `width` neighbours, only where all of them exist."""
    return np.convolve(signal, np.ones(width) / width, mode="valid")


def residual(signal: Signal, width: int) -> tuple[Signal, np.float64]:
    """What is left of the signal's middle, and its energy."""
    middle = signal[width // 2:][: len(signal) - width + 1]
    rest = middle - smooth(signal, width)
    return rest, np.float64((rest**2).sum())
