"""Compute quantiles of any level from a generation: SQL of its views and macros, and frames.

A quantile is the median times ``exp(error_scale * log_error)``. The log errors of levels are in the
table ``error_quantiles``; between two stored levels they are interpolated linearly.
:func:`view_sql` and :func:`macros_sql` are for the writer, :func:`add_quantiles` for the readers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from rossmann_ml.models.quantile_levels import (
    DAY_SHAPE,
    GREATEST_LEVEL,
    LEAST_LEVEL,
    PUBLISHED_LEVELS,
    percentile_name,
    require_level,
)

__all__ = [
    "GREATEST_LEVEL", "LEAST_LEVEL", "PUBLISHED_LEVELS", "SOURCES", "Source", "add_quantiles",
    "macros_sql", "percentile_name", "view_sql",
]  # fmt: skip

ERRORS_QUERY = """
    SELECT forecast_origin, shape AS error_shape, level, log_error
    FROM error_quantiles WHERE forecast_origin = ANY(?)
"""
"""Query of the log errors that :func:`add_quantiles` takes, with a list of origins as value."""


_ERRORS_AT = f"""
    CREATE MACRO error_quantiles_at(levels) AS TABLE
    WITH wanted AS (SELECT DISTINCT unnest(levels)::DOUBLE AS level),
    checked AS (
        SELECT CASE WHEN level BETWEEN {LEAST_LEVEL} AND {GREATEST_LEVEL} THEN level
            ELSE error('the level ' || level || ' of a quantile is not between '
                || '{LEAST_LEVEL} and {GREATEST_LEVEL}') END AS level
        FROM wanted
    ),
    stored AS (
        SELECT *, lead(level) OVER w AS next_level, lead(log_error) OVER w AS next_error
        FROM error_quantiles WINDOW w AS (PARTITION BY forecast_origin, shape ORDER BY level)
    )
    SELECT s.forecast_origin, s.shape, c.level,
        CASE WHEN c.level = s.level THEN s.log_error ELSE s.log_error + (c.level - s.level)
            * (s.next_error - s.log_error) / (s.next_level - s.level) END AS log_error
    FROM stored AS s JOIN checked AS c
        ON c.level >= s.level AND c.level < coalesce(s.next_level, 1)
"""  # noqa: S608 - the limits above


@dataclass(frozen=True)
class Source:
    """Published table from whose rows quantiles are computed.

    Attributes:
        median: Name of the column with the medians, in EUR.
        has_shape: Whether the rows name the shape of their errors; if not, it is ``day``.
    """

    median: str
    has_shape: bool


SOURCES = {
    "forecasts": Source("sales_median", has_shape=False),
    "forecast_totals": Source("sales_unbiased", has_shape=True),
    "forecast_horizon_totals": Source("sales_unbiased", has_shape=True),
}
"""Sources of quantiles by name of the published table."""


def _shape_sql(source: Source) -> str:
    # a total without open days has no shape; its median is 0, so any shape gives 0
    return f"coalesce(t.error_shape, '{DAY_SHAPE}')" if source.has_shape else f"'{DAY_SHAPE}'"


def view_sql(table: str) -> str:
    """Return the query of a view with all columns of a table and its published quantiles.

    Args:
        table: Key of :data:`SOURCES`.
    """
    source = SOURCES[table]
    names = {percentile_name(level): level for level in PUBLISHED_LEVELS}
    errors = ", ".join(
        f"max(log_error) FILTER (level = {level}) AS {name}" for name, level in names.items()
    )
    quantiles = ", ".join(
        f"t.{source.median} * exp(t.error_scale * e.{name}) AS {name}" for name in names
    )
    return (
        f"SELECT t.*, {quantiles} FROM {table} AS t LEFT JOIN (SELECT forecast_origin, shape, "  # noqa: S608
        f"{errors} FROM error_quantiles GROUP BY forecast_origin, shape) AS e "
        f"ON e.forecast_origin = t.forecast_origin AND e.shape = {_shape_sql(source)}"
    )


def macros_sql(views: dict[str, str]) -> dict[str, str]:
    """Return the statements that create the table macros for quantiles of any levels.

    Args:
        views: Tables of :data:`SOURCES` by name of the view with their published quantiles.

    Returns:
        Statements by name of the macro: ``error_quantiles_at``, on which the others build, and
        the name of each view with ``_at``. Each macro takes a list of levels.
    """
    macros = {"error_quantiles_at": _ERRORS_AT}
    for view, table in views.items():
        source = SOURCES[table]
        macros[f"{view}_at"] = (
            f"CREATE MACRO {view}_at(levels) AS TABLE SELECT t.*, "  # noqa: S608
            f"e.level AS quantile_level, "  # tables of totals have another column level
            f"t.{source.median} * exp(t.error_scale * e.log_error) AS quantile "
            f"FROM {table} AS t JOIN error_quantiles_at(levels) AS e "
            f"ON e.forecast_origin = t.forecast_origin AND e.shape = {_shape_sql(source)}"
        )
    return macros


def add_quantiles(
    frame: pl.DataFrame, errors: pl.DataFrame, levels: Sequence[float], source: Source
) -> pl.DataFrame:
    """Add a column of quantiles in EUR for each level to rows of a published table.

    Args:
        frame: Rows with ``forecast_origin, error_scale``, the medians, and the shape if the table
            has one.
        errors: Result of :data:`ERRORS_QUERY` for the origins in ``frame``.
        levels: Probabilities between 0.01 and 0.99, each once.
        source: Table of the rows.

    Returns:
        The rows, in their order, with columns such as ``p2_5``; NULL in forecasts that are older
        than quantiles.

    Raises:
        ValueError: A level is not between 0.01 and 0.99.
    """
    for level in levels:
        require_level(level)
    names = [percentile_name(level) for level in levels]
    key = ["forecast_origin", "error_shape"]
    found = [
        (*of, *np.interp(levels, part["level"].to_numpy(), part["log_error"].to_numpy()).tolist())
        for of, part in errors.sort(*key, "level").group_by(key, maintain_order=True)
    ]
    schema = errors.select(key).schema | {name: pl.Float64() for name in names}
    by_shape = pl.DataFrame(found, schema=schema, orient="row")
    shape = pl.col("error_shape").fill_null(DAY_SHAPE) if source.has_shape else pl.lit(DAY_SHAPE)
    joined = frame.select("forecast_origin", error_shape=shape).join(
        by_shape, on=key, how="left", maintain_order="left"
    )
    return frame.with_columns(
        (frame[source.median] * (frame["error_scale"] * joined[name]).exp()).alias(name)
        for name in names
    )
