"""Levels of quantiles: those that are stored, those that are published, and names of columns.

A quantile of sales is the median times the exponential of scale times log error. The log errors of
:data:`LEVELS` are stored once per forecast origin and shape of errors; between two stored levels
the log error is interpolated linearly. See :mod:`rossmann_ml.serving.quantiles` for the SQL.
"""

from __future__ import annotations

LEAST_LEVEL, GREATEST_LEVEL = 0.01, 0.99
LEVELS = tuple(sorted({*(number / 100 for number in range(1, 100)), 0.025, 0.975}))
"""Probabilities whose log errors are stored; symmetric about 0.5."""
PUBLISHED_LEVELS = (0.025, *(number / 10 for number in range(1, 10)), 0.975)
"""Probabilities whose quantiles are columns of published views."""
DAY_SHAPE = "day"
"""Name of the shape of errors of single store-days."""


def require_level(level: float) -> None:
    """Check that quantiles of a level can be computed.

    Raises:
        ValueError: The level is not between 0.01 and 0.99.
    """
    if not LEAST_LEVEL <= level <= GREATEST_LEVEL:
        raise ValueError(
            f"the level {level} of a quantile is not between {LEAST_LEVEL} and {GREATEST_LEVEL}"
        )


def percentile_name(level: float) -> str:
    """Return the name of the column with the quantiles of a level: ``p2_5`` for 0.025."""
    return f"p{level * 100:.10g}".replace(".", "_")
