"""Calculate the daily calibration by its definition, day by day in plain Python."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from statistics import median

LOG_TWO = 0.6931471805599453  # log error from which a day is unusual


def conformal_score(scores: Iterable[float], percent: int) -> float:
    """Return the ceil((n + 1) percent)-th smallest of n scores, by exact fractions.

    See Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005. With too few
    scores for the level the result is the largest one; without scores 0.
    """
    ordered = sorted(scores)
    if not ordered:
        return 0.0
    rank = math.ceil(Fraction((len(ordered) + 1) * percent, 100))
    return ordered[min(rank, len(ordered)) - 1]


def usual_log_ratios(log_ratios: list[float]) -> list[float]:
    """Centre the log ratios of an origin on their median, and leave out unusual days."""
    middle = median(log_ratios)
    return [each - middle for each in log_ratios if abs(each - middle) < LOG_TWO]


def log_shift(origins: Iterable[list[float]]) -> float:
    """Return the median over origins of the log factor with the least squared percentage error.

    The factor c on a forecast p of sales y makes the sum of (c p / y - 1)^2 least where its
    derivative in c is 0: c times the sum of (p / y)^2 is the sum of p / y.
    """
    shifts = []
    for log_ratios in origins:
        ratios = [math.exp(each) for each in usual_log_ratios(log_ratios)]
        if ratios:
            shifts.append(math.log(math.fsum(ratios) / math.fsum(each**2 for each in ratios)))
    return median(shifts) if shifts else 0.0
