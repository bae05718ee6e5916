"""Describe the distribution of a total's log error by a shape that many totals share.

A shape is ``store`` or ``group``, and 100 divided by the degrees of freedom, rounded: ``group 12``.
``group 0`` is the normal distribution. :func:`log_errors` has the quantiles of a shape in standard
deviations; see :mod:`rossmann_ml.models.total_calibration` for the standard deviations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl
from scipy.special import ndtri, stdtrit

from rossmann_ml.features.grid import FloatArray
from rossmann_ml.models.quantile_levels import LEVELS
from rossmann_ml.models.totals import STORE

_GROUP = "group"


def shapes_of(totals: pl.DataFrame, freedom: FloatArray) -> list[str]:
    """Return the shape of the log error of each total.

    Args:
        totals: Totals with their ``level``.
        freedom: Degrees of freedom of their variances, shape (rows,).
    """
    kinds = [STORE if level == STORE else _GROUP for level in totals["level"]]
    parts = np.round(100 / freedom).astype(int).tolist()
    return [f"{kind} {part}" for kind, part in zip(kinds, parts, strict=True)]


def log_errors(shape: str, store_quantiles: Mapping[str, float]) -> FloatArray:
    """Compute the quantiles of a shape for the stored levels, in standard deviations.

    They are those of Student's t distribution. Those of stores are stretched so that intervals have
    the measured width: linearly in t up to the narrowest measured interval, between two of them,
    and beyond the widest.

    Args:
        shape: Result of :func:`shapes_of`.
        store_quantiles: Measured half-widths of intervals of stores in standard deviations, by
            coverage in percent.

    Returns:
        Quantiles, shape (levels,), ascending and symmetric: 0 for the level 0.5.
    """
    kind, part = shape.split()
    above = np.array([level for level in LEVELS if level > 0.5])

    def student(level: FloatArray) -> FloatArray:
        return np.asarray(ndtri(level) if part == "0" else stdtrit(100 / int(part), level))

    errors = student(above)
    if kind == STORE:
        tails = np.array([0.5 + float(coverage) / 200 for coverage in store_quantiles])
        usual = student(tails)
        stretch = list(store_quantiles.values()) / ndtri(tails)
        inside = np.interp(errors, [0.0, *usual], [0.0, *(usual * stretch)])
        errors = np.where(errors <= usual[-1], inside, errors * stretch[-1])
    errors = np.maximum.accumulate(errors)
    return np.concatenate([-errors[::-1], [0.0], errors])


def log_errors_by_shape(
    shapes: Iterable[str], store_quantiles: Mapping[str, float]
) -> pl.DataFrame:
    """Return the quantiles of several shapes: ``shape, level, log_error``, sorted by both.

    Args:
        shapes: Results of :func:`shapes_of`; repeated ones count once.
        store_quantiles: As for :func:`log_errors`.
    """
    found = [
        (shape, level, error)
        for shape in sorted(set(shapes))
        for level, error in zip(LEVELS, log_errors(shape, store_quantiles).tolist(), strict=True)
    ]
    schema = {"shape": pl.String, "level": pl.Float64, "log_error": pl.Float64}
    return pl.DataFrame(found, schema=schema, orient="row")
