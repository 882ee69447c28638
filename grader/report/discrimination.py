"""How well a check tells strong hand-ins from weak ones: the point-biserial correlation of classical test theory.

Each check is held against the rest of the score (the corrected item-total correlation; Henrysson 1963), since a check that is
part of the total agrees with itself.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

FEWEST = 10
"""Hand-ins below which the figure is chance."""

DOUBTFUL = 0.1
"""Below it a check says next to nothing, or the opposite, of how good a hand-in is."""


def point_biserial(passed: Sequence[bool], rest: Sequence[float]) -> float | None:
    """Correlation (-1 to 1) of passing with the rest of each score; None where there are too few, or all are alike."""
    if len(passed) < FEWEST or len(set(passed)) < 2 or len(set(rest)) < 2:
        return None
    try:
        return statistics.correlation([float(one) for one in passed], rest)
    except statistics.StatisticsError:  # they differ by less than the arithmetic can tell
        return None
