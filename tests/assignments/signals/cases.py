"""Cases of the second assignment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from grader.model import Answer, Case, Comparison, Invocation, Property


def cases(rng: np.random.Generator) -> dict[str, list[Case]]:
    """A public ramp and hidden noise."""
    noise = rng.normal(size=17)
    return {
        "smooth": [Case("ramp", "a ramp", (np.arange(8.0), 3), "public"), Case("noise", "noise", (noise, 5))],
        "residual": [Case("noise", "noise", (noise, 5)), Case("long", "long noise", (rng.normal(size=40), 7))],
    }


def properties(rng: np.random.Generator) -> list[Property]:
    """Smoothing is linear."""
    one, other = rng.normal(size=(2, 12))

    def compare(answers: Sequence[Answer]) -> Iterator[Comparison]:
        first, second, both = (answer["smoothed"] for answer in answers)
        yield Comparison("the smoothed sum of two signals", both, first + second)

    calls = tuple(Invocation("smooth", (signal, 3)) for signal in (one, other, one + other))
    return [Property("linear", "smoothing is linear", "smooth", calls, compare)]
