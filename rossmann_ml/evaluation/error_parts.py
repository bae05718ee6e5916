"""Divide the error of past forecasts into parts: of the whole chain, of stores, of single days.

The parts say where forecasts can become better, and why a sum over stores or days is more or less
exact than a single day. Entry point: :func:`error_parts`. See
:mod:`rossmann_ml.evaluation.metrics` for the size of the whole error.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from rossmann_ml.evaluation.backtest import LINEAR
from rossmann_ml.models.blend import BLEND, fit_weights, weighted_mean
from rossmann_ml.models.calibration import UNUSUAL_LOG_RATIO, origins_with_earlier
from rossmann_ml.models.recipe import RecipeKey
from rossmann_ml.serving.part_names import PARTS

ORDINARY, CHRISTMAS = "ordinary", "christmas"
"""Seasons: horizons without and with 24 December."""


def has_christmas(origin: date, horizon_days: int) -> bool:
    """Return whether a 24 December is in the horizon of an origin."""
    eve = date(origin.year, 12, 24)
    following = eve if origin < eve else eve.replace(year=origin.year + 1)
    return following <= origin + timedelta(days=horizon_days)


def error_parts(folds: pl.DataFrame, key: RecipeKey) -> pl.DataFrame:
    """Divide the log errors of the blend, its members and the linear forecast into parts.

    The error of a store-day is the log forecast before the bias factor, minus log sales. Store-days
    on which the forecast is wrong by a factor of two or more are excluded: a store that closes
    after an hour would outweigh a week of the chain.

    ``chain_horizon`` is the mean error of the origin (its size), and ``chain_day`` the standard
    deviation of the mean errors of days; days count by their number of stores. The error minus
    that of its day is a store's own. Its variances come from pairs of different days of a store:
    the mean product of two errors estimates the variance of what the two days share, so that chance
    adds nothing to it. Days of another week and weekday share ``store_horizon``, days of one week
    also ``store_week``, and the same weekdays of different weeks also ``store_weekday``. What is
    left of the variance is ``store_day``. So the squares of the six parts add up to the mean
    squared error, except where an estimated variance is below 0, which is shown as 0.

    Args:
        folds: Rows as for :func:`rossmann_ml.evaluation.backtest.served`.
        key: Key of the recipe, as there.

    Returns:
        ``model, forecast_origin`` (null: all origins of the season together), ``season``
        (``ordinary`` or ``christmas``), ``part`` (a key of
        :data:`rossmann_ml.serving.part_names.PARTS`), ``log_error`` (standard
        deviation, or size of the mean, in log units: 0.03 is about 3%; null if the horizon is too
        short to separate the part), ``origins`` and ``store_days`` (numbers behind the figure). For
        all origins together, ``log_error`` is the root of the mean variance, every origin counting
        equally. Sorted by model, season, origin (null last) and part, in the order of ``PARTS``.
    """
    horizon_days = int(folds["horizon_days"].to_numpy().max())
    found = []
    for part, earlier in origins_with_earlier(folds):
        origin: date = part["forecast_origin"][0]
        weights = fit_weights(earlier, key.families, shrinkage=key.shrinkage)
        logs = {name: part[name].to_numpy() for name in (LINEAR, *key.families)}
        for model, log in {**logs, BLEND: weighted_mean(logs, weights)}.items():
            rows = part.select("store_id", "target_date", "horizon_days").with_columns(
                error=pl.Series(log - np.log(part["sales"].to_numpy()))
            )
            usual = rows.filter(pl.col("error").abs() < UNUSUAL_LOG_RATIO)
            if usual.is_empty():
                continue
            season = CHRISTMAS if has_christmas(origin, horizon_days) else ORDINARY
            found += [
                {
                    "model": model,
                    "forecast_origin": origin,
                    "season": season,
                    "part": name,
                    "variance": variance,
                    "origins": 1,
                    "store_days": len(usual),
                }
                for name, variance in part_variances(usual).items()
            ]
    single = pl.DataFrame(
        found,
        schema={
            "model": pl.String, "forecast_origin": pl.Date, "season": pl.String,
            "part": pl.Enum(list(PARTS)), "variance": pl.Float64, "origins": pl.Int64,
            "store_days": pl.Int64,
        },
    )  # fmt: skip
    together = single.group_by("model", "season", "part", maintain_order=True).agg(
        pl.col("variance").mean(), pl.col("origins", "store_days").sum()
    )
    return (
        pl.concat([single, together], how="diagonal")
        .sort("model", "season", "forecast_origin", "part", nulls_last=True)
        .select(
            "model",
            "forecast_origin",
            "season",
            pl.col("part").cast(pl.String),
            pl.col("variance").clip(0).sqrt().alias("log_error"),
            "origins",
            "store_days",
        )
    )


def level_errors(rows: pl.DataFrame, forecasts: Sequence[str]) -> list[tuple[float, ...]]:
    """Compute the size of forecasts' errors on their two levels, the chain and its stores.

    Store-days on which one of the forecasts is wrong by a factor of two or more are excluded.

    Args:
        rows: ``forecast_origin, target_date, sales`` and the forecasts, all in EUR and above 0.
        forecasts: Names of the columns with forecasts.

    Returns:
        For the chain, the root mean square of the mean errors of days, bias included; for stores,
        the standard deviation of their errors around that of their day. Both in log units, one
        figure per forecast, every origin counting equally. Empty if no row is left.
    """
    errors = rows.with_columns((pl.col(name) / pl.col("sales")).log() for name in forecasts)
    usual = errors.filter(
        pl.all_horizontal(pl.col(name).abs() < UNUSUAL_LOG_RATIO for name in forecasts)
    )
    if usual.is_empty():
        return []
    days = {name: pl.col(name).mean().over("forecast_origin", "target_date") for name in forecasts}
    squares = usual.with_columns(
        *(day.pow(2).alias(f"chain {name}") for name, day in days.items()),
        *((pl.col(name) - day).pow(2).alias(f"store {name}") for name, day in days.items()),
    )
    return [
        squares.group_by("forecast_origin", maintain_order=True)
        .agg(pl.col(f"{level} {name}").mean() for name in forecasts)
        .select(pl.col(f"{level} {name}").mean().sqrt() for name in forecasts)
        .row(0)
        for level in ("chain", "store")
    ]


def part_variances(rows: pl.DataFrame) -> dict[str, float | None]:
    """Estimate the variance of each part of the errors of one origin, see :func:`error_parts`.

    Args:
        rows: ``store_id, target_date, horizon_days, error`` (log units), at least one row, always
            in the same order, so that rounding is the same in every run.

    Returns:
        Variance by part; an estimated variance may be below 0. Variances of a store's parts are
        None if no store has pairs of days to separate them.
    """
    mean = rows.select(pl.col("error").mean()).item()
    own = rows.with_columns(
        day=pl.col("error").mean().over("target_date"),
        week=(pl.col("horizon_days") - 1) // 7,
        weekday=pl.col("target_date").dt.weekday(),
    ).with_columns(own=pl.col("error") - pl.col("day"))
    squares, number = own.select(pl.col("own").pow(2).sum(), pl.len()).row(0)
    products, pairs = {}, {}
    for name, keys in {
        "all": ["store_id"],
        "week": ["store_id", "week"],
        "weekday": ["store_id", "weekday"],
    }.items():
        groups = own.group_by(keys, maintain_order=True).agg(pl.col("own").sum(), days=pl.len())
        # products of all pairs of different days, each pair twice
        products[name] = groups["own"].pow(2).sum() - squares
        pairs[name] = int(groups["days"].cast(pl.Int64).pow(2).sum()) - number
    for figures in (products, pairs):
        figures["other"] = figures["all"] - figures["week"] - figures["weekday"]
    store: dict[str, float | None] = dict.fromkeys(list(PARTS)[2:])
    if pairs["other"] > 0 and pairs["week"] > 0 and pairs["weekday"] > 0:
        shared = {name: products[name] / pairs[name] for name in ("other", "week", "weekday")}
        store = {
            "store_horizon": shared["other"],
            "store_week": shared["week"] - shared["other"],
            "store_weekday": shared["weekday"] - shared["other"],
            "store_day": squares / number + shared["other"] - shared["week"] - shared["weekday"],
        }
    day_variance = own.select((pl.col("day") - mean).pow(2).mean()).item()
    return {"chain_horizon": mean**2, "chain_day": day_variance, **store}
