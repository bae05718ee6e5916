"""Read the query parameter ``quantiles``, and add the quantiles of the asked levels to rows.

Entry points: :data:`LevelsAsked` for routes, :func:`with_quantiles` for their rows.
"""

from __future__ import annotations

import re
from typing import Annotated

import polars as pl
from fastapi import Depends, Query

from app.api.problems import invalid_value
from app.published import Reading
from rossmann_ml.serving.quantiles import (
    ERRORS_QUERY,
    GREATEST_LEVEL,
    LEAST_LEVEL,
    Source,
    add_quantiles,
    percentile_name,
)

MOST_LEVELS = 20
_SCHEMA_WITH_QUANTILES = 4
_LEVEL = re.compile(r"0?\.[0-9]{1,6}")


async def get_levels(
    quantiles: Annotated[
        str | None,
        Query(
            max_length=400,
            description="Levels of quantiles, at most 20 different numbers from 0.01 to 0.99, "
            "separated by commas. Each adds a field named by its percentage: `p70` for 0.7, "
            "`p97_5` for 0.975. Sales are below the quantile with this probability. It is in EUR, "
            "0 on closed days, and null in forecasts that are older than quantiles.",
            examples=["0.1,0.5,0.9"],
        ),
    ] = None,
) -> tuple[float, ...]:
    """Return the levels of quantiles that the caller asked for, in the order of the request.

    Raises:
        ProblemError: There are too many levels, or one is not a number from 0.01 to 0.99 or is
            repeated.
    """
    if quantiles is None:
        return ()
    expected = f"numbers from {LEAST_LEVEL} to {GREATEST_LEVEL}, separated by commas"
    texts = quantiles.split(",")
    for text in texts:
        if not _LEVEL.fullmatch(text) or not LEAST_LEVEL <= float(text) <= GREATEST_LEVEL:
            raise invalid_value("query.quantiles", f"Input should be {expected}", text)
    levels = tuple(float(text) for text in texts)
    if len(set(levels)) < len(levels) or len(levels) > MOST_LEVELS:
        raise invalid_value(
            "query.quantiles", f"Input should be at most {MOST_LEVELS} different {expected}",
            quantiles,
        )  # fmt: skip
    return levels


LevelsAsked = Annotated[tuple[float, ...], Depends(get_levels)]


def with_quantiles(
    reading: Reading, frame: pl.DataFrame, levels: tuple[float, ...], source: Source
) -> pl.DataFrame:
    """Add a column for each level to rows of forecasts or totals.

    Args:
        reading: Access to the generation that the rows come from.
        frame: Rows with ``forecast_origin`` and what quantiles are computed from.
        levels: Levels from :func:`get_levels`; without any, the rows stay as they are.
        source: Table of the rows.
    """
    if not levels:
        return frame
    if reading.info.schema_version < _SCHEMA_WITH_QUANTILES:  # published by an earlier version
        names = (percentile_name(level) for level in levels)
        return frame.with_columns(pl.lit(None, pl.Float64).alias(name) for name in names)
    origins = frame["forecast_origin"].unique().to_list()
    return add_quantiles(frame, reading.frame(ERRORS_QUERY, [origins]), levels, source)
