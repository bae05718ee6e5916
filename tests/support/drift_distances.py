"""Reference distances between two samples in loops, by the definitions that Evidently uses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from rossmann_ml.monitoring.drift.windows import Sample


def jensen_shannon(first: Sequence[str], second: Sequence[str]) -> float:
    """Return the root of the Jensen-Shannon divergence in nats (Lin 1991; Endres, Schindelin 2003).

    It is the mean Kullback-Leibler divergence of both sides from their mixture: 0 for equal
    shares, the root of log 2 (0.83) for sides that share no category.
    """
    divergence = 0.0
    for category in {*first, *second}:
        shares = [side.count(category) / len(side) for side in (list(first), list(second))]
        mixed = sum(shares) / 2
        divergence += sum(share * math.log(share / mixed) for share in shares if share > 0) / 2
    return math.sqrt(max(divergence, 0.0))


def wasserstein(current: Sequence[float], reference: Sequence[float]) -> float:
    """Return the area between both distribution functions, in the reference's standard deviations.

    This is the first Wasserstein distance on the line (Vallender 1974). A standard deviation below
    0.001 counts as 0.001, so that a reference without spread does not divide by 0.
    """
    values = sorted({*current, *reference})
    area = 0.0
    for left, right in pairwise(values):
        below = [sum(value <= left for value in side) / len(side) for side in (current, reference)]
        area += abs(below[0] - below[1]) * (right - left)
    mean = sum(reference) / len(reference)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in reference) / len(reference))
    return area / max(deviation, 0.001)


def distance(sample: Sample) -> float:
    """Return the distance of a sample: Jensen-Shannon for categories, Wasserstein for numbers."""
    sides = sample.current.to_list(), sample.reference.to_list()
    return jensen_shannon(*sides) if sample.is_categorical else wasserstein(*sides)
