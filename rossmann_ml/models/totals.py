"""Add up store-days to totals by aggregation level, segment and span of days.

A total is the sales of one segment (a store, store type, assortment, state or the chain) in one
span of days. A span is a calendar week, as far as it is inside the horizon, or the first days after
the origin (7, 14, 28, 42 or all). :func:`add_up` is the main entry point. See
:mod:`rossmann_ml.models.total_calibration` for bounds of totals.
"""

from __future__ import annotations

import polars as pl

CHAIN, STORE = "chain", "store"
GROUPS = ("store_type", "assortment", "state")
SEGMENT_LEVELS = (CHAIN, *GROUPS, STORE)
FIRST_DAYS = (7, 14, 28, 42)
"""Lengths in days of the spans that begin on the day after the origin.

Those shorter than the horizon are used; the whole horizon is one more such span."""
UNKNOWN_STATE = "unknown"

AMOUNTS = ("forecast", "sales")
"""Names of the columns that are added up to totals, in EUR."""

_SPAN = ("first_date", "last_date")


def spans(rows: pl.DataFrame, *, horizon_days: int) -> pl.DataFrame:
    """Repeat every row once for each span of days that contains its target day.

    Adding up the result by span then gives the total of every span.

    Args:
        rows: Rows with ``forecast_origin, target_date, horizon_days``.
        horizon_days: Number of days in the longest span; the first and last calendar week are cut
            at its ends.

    Returns:
        All columns of ``rows``, and ``first_date, last_date`` of the span. A calendar week that
        equals the first seven days is one span, not two.
    """
    origin, day = pl.col("forecast_origin"), pl.col("target_date")
    monday = day.dt.truncate("1w")
    first = origin.dt.offset_by("1d")
    last = origin.dt.offset_by(f"{horizon_days}d")
    week = rows.with_columns(
        first_date=pl.max_horizontal(monday, first),
        last_date=pl.min_horizontal(monday.dt.offset_by("6d"), last),
    )
    parts = [week]
    for days in {*(days for days in FIRST_DAYS if days < horizon_days), horizon_days}:
        end = first.dt.offset_by(f"{days - 1}d")
        is_that_week = (pl.col("first_date") == first) & (pl.col("last_date") == end)
        parts.append(
            week.filter((pl.col("horizon_days") <= days) & ~is_that_week).with_columns(
                first_date=first, last_date=end
            )
        )
    return pl.concat(parts)


def with_segments(rows: pl.DataFrame, stores: pl.DataFrame) -> pl.DataFrame:
    """Add columns with the segment of each store-day at each aggregation level.

    Args:
        rows: Rows with ``store_id``.
        stores: ``store_id, store_type, assortment, state``; a null state becomes ``unknown``.

    Returns:
        Rows with the columns ``chain`` (always ``all``), ``store_type, assortment, state``. The
        level ``store`` has no column of its own, because ``store_id`` names its segments.
    """
    attributes = stores.select(
        pl.col("store_id").cast(rows.schema["store_id"]),
        "store_type",
        "assortment",
        pl.col("state").fill_null(UNKNOWN_STATE),
    )
    return (
        rows.drop(*GROUPS, strict=False)
        .join(attributes, on="store_id", how="inner", maintain_order="left")
        .with_columns(pl.lit("all").alias(CHAIN))
    )


def add_up(rows: pl.DataFrame, stores: pl.DataFrame, *, horizon_days: int) -> pl.DataFrame:
    """Add up open store-days to totals for every aggregation level, segment and span of days.

    Args:
        rows: Open store-days: ``forecast_origin, store_id, target_date, horizon_days, forecast``
            (EUR), ``spread`` (log units), and optionally ``sales`` (EUR).
        stores: ``store_id, store_type, assortment, state``, one row per store.
        horizon_days: Number of days in the longest span; the first and last calendar week are cut
            at its ends.

    Returns:
        One row per total, sorted by the first five columns: ``forecast_origin``, ``level`` (such as
        ``state``), ``segment`` (such as ``HE``), ``first_date, last_date`` (of the span),
        ``store_days`` (number of rows added up), ``forecast`` and, if ``rows`` has it, ``sales``
        (EUR). Three more columns measure how concentrated the total is, because errors cancel out
        less in a concentrated total. ``week_concentration`` is the sum over calendar weeks of the
        squared share of the total (1 if all sales are in one week). ``day_concentration`` is the
        sum of squared shares over days. ``store_concentration`` is the sum over stores of the
        squared share times the squared spread.
    """
    segmented = with_segments(rows, stores)
    by_store = (
        spans(segmented, horizon_days=horizon_days)
        .group_by("forecast_origin", "store_id", *_SPAN)
        .agg(
            pl.col(CHAIN, *GROUPS).first(),
            *(exact_sum(pl.col(name)).alias(name) for name in AMOUNTS if name in rows.columns),
            store_days=pl.len(),
            spread=pl.col("spread").max(),
        )
    )
    return pl.concat(
        _add_up_level(segmented, by_store, level=level, horizon_days=horizon_days)
        for level in SEGMENT_LEVELS
    ).sort("forecast_origin", "level", "segment", *_SPAN)


def _add_up_level(
    segmented: pl.DataFrame, by_store: pl.DataFrame, *, level: str, horizon_days: int
) -> pl.DataFrame:
    key = ["forecast_origin", "segment", *_SPAN]
    amounts = [name for name in AMOUNTS if name in by_store.columns]
    by_day = by_segment(
        segmented, level, ["target_date"],
        [exact_sum(pl.col("forecast")).alias("forecast"), pl.col("horizon_days").first()],
    )  # fmt: skip
    weeks = spans(by_day, horizon_days=horizon_days).group_by(
        *key, week=pl.col("target_date").dt.truncate("1w")
    )
    in_time = (
        weeks.agg(
            day_squares=exact_sum(pl.col("forecast").pow(2), digits=0),
            week_square=exact_sum(pl.col("forecast")).pow(2),
        )
        .group_by(key)
        .agg(
            exact_sum(pl.col("day_squares"), digits=0),
            week_squares=exact_sum(pl.col("week_square"), digits=0),
        )
    )
    own_squares = (pl.col("forecast") * pl.col("spread")).pow(2)
    sums = by_segment(
        by_store, level, list(_SPAN),
        [
            pl.col("store_days").sum(),
            *(exact_sum(pl.col(name)).alias(name) for name in amounts),
            exact_sum(own_squares, digits=0).alias("own_squares"),
        ],
    )  # fmt: skip
    whole = pl.col("forecast").pow(2)
    return sums.join(in_time, on=key, how="left").select(
        "forecast_origin",
        pl.lit(level).alias("level"),
        pl.col("segment").cast(pl.String),
        *_SPAN,
        "store_days",
        *amounts,
        store_concentration=pl.col("own_squares") / whole,
        week_concentration=pl.min_horizontal(pl.col("week_squares") / whole, 1.0),
        day_concentration=pl.min_horizontal(pl.col("day_squares") / whole, 1.0),
    )


def by_segment(
    rows: pl.DataFrame, level: str, span: list[str], aggregates: list[pl.Expr]
) -> pl.DataFrame:
    """Aggregate rows by forecast origin, segment and day (or span of days).

    Args:
        rows: Rows returned by :func:`with_segments`.
        level: Aggregation level whose segments are used, such as ``state``.
        span: Names of the columns for days: ``target_date``, or ``first_date`` and ``last_date``.
        aggregates: Expressions to compute for each combination.

    Returns:
        One row per combination: ``forecast_origin``, the columns in ``span``, ``segment`` and the
        aggregates.
    """
    column = "store_id" if level == STORE else level
    return rows.group_by("forecast_origin", *span, segment=column).agg(aggregates)


def exact_sum(term: pl.Expr, *, digits: int = 4) -> pl.Expr:
    """Build an expression that sums floats with the same result for any number of threads.

    The terms are rounded to ``digits`` decimals and summed as integers, as in the SQL macro
    ``exact_sum``.
    """
    scale = 10.0**digits
    return (term * scale).round().cast(pl.Int64).sum() / scale
