"""Backtest a recipe: forecasts that it would have served at past origins, and their scores.

The models of an origin are fitted on rows with target days up to that origin; weights, bias factor
and intervals on origins that were over by then. Features, fits and calibration are those of
production. :func:`served` and :func:`score` are the main entry points. See
:mod:`rossmann_ml.evaluation.folds` for the stored forecasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.evaluation.metrics import score_segments
from rossmann_ml.evaluation.total_scores import score_totals
from rossmann_ml.features.grid import FloatArray
from rossmann_ml.features.panel import FeatureInputs, training_panel
from rossmann_ml.models.base import log_base
from rossmann_ml.models.baselines import MEDIAN, SEASONAL_NAIVE, baseline_forecasts
from rossmann_ml.models.blend import BLEND, fit_weights, weighted_mean
from rossmann_ml.models.calibration import (
    INTERVAL_LEVELS,
    Calibration,
    interval_spread,
    log_shift_of_spread,
    origins_with_earlier,
    point_log_shift,
)
from rossmann_ml.models.recipe import Recipe, RecipeKey

LINEAR = "linear"
"""Name of the linear forecast in the scores."""
# Largest distance in days of a day near a state holiday, before or after it.
_HOLIDAY_DAYS = 3
_INSIDE = [f"inside_{level}" for level in INTERVAL_LEVELS]


def backtest_origins(newest: date, *, back_days: Sequence[int], first_training: date) -> list[date]:
    """Return the past origins of a backtest, oldest first.

    Args:
        newest: Origin of the next forecast.
        back_days: Number of days before it, for each backtest origin.
        first_training: Oldest training origin; a backtest origin must be at least 42 days later,
            so that a model has targets to fit.

    Raises:
        NoDataError: No origin has enough history.
    """
    oldest = first_training + timedelta(days=42)
    origins = sorted(newest - timedelta(days=days) for days in back_days)
    possible = [origin for origin in origins if origin >= oldest]
    if not possible:
        raise NoDataError(
            f"there is too little history before {newest} to backtest: the newest backtest origin "
            f"would be {origins[-1]}, and the first with enough history is {oldest}"
        )
    return possible


def fold_panel(inputs: FeatureInputs, origin: date, recipe: Recipe) -> pl.DataFrame:
    """Build the panel of a past origin with actual ``sales``, open days with sales only."""
    horizon_days = recipe.params.forecast.horizon_days
    return training_panel(
        inputs,
        [origin],
        known_until=origin + timedelta(days=horizon_days),
        horizon_days=horizon_days,
        params=recipe.params.features,
    )


def fold_days(inputs: FeatureInputs, panel: pl.DataFrame, recipe: Recipe) -> pl.DataFrame:
    """Build the columns of a past origin's days that do not depend on the models.

    Args:
        inputs: Stores, sales and plan.
        panel: Panel of :func:`fold_panel`.
        recipe: Recipe; only its horizon is used.

    Returns:
        ``forecast_origin, store_id, target_date, horizon_days, sales, spread, linear`` (the
        linear forecast of log sales), ``seasonal_naive, store_weekday_promo_median`` (null for a
        store without history), ``store_type, is_promo, holiday_nearby``, in the panel's order.
    """
    baselines = baseline_forecasts(
        inputs,
        forecast_origin=panel["forecast_origin"][0],
        horizon_days=recipe.params.forecast.horizon_days,
    )
    near = pl.min_horizontal("days_since_state_holiday", "days_until_state_holiday")
    return (
        panel.with_columns(
            spread=pl.Series(interval_spread(panel)), linear=pl.Series(log_base(panel))
        )
        .join(baselines, on=["store_id", "target_date"], how="left", maintain_order="left")
        .select(
            "forecast_origin",
            "store_id",
            "target_date",
            "horizon_days",
            "sales",
            "spread",
            LINEAR,
            pl.col(SEASONAL_NAIVE, MEDIAN).fill_nan(None),
            "store_type",
            is_promo=pl.col("is_promo") == 1,
            holiday_nearby=pl.when(near <= _HOLIDAY_DAYS)
            .then(pl.lit("near a holiday"))
            .otherwise(pl.lit("ordinary")),
        )
    )


def served(folds: pl.DataFrame, key: RecipeKey) -> pl.DataFrame:
    """Compute the forecasts that every model would have served at each origin.

    Weights, bias factor and intervals of an origin come from the origins that were over by then.
    Without any, the weights are equal, the bias factor comes from the stores' spread, and there
    are no intervals.

    Args:
        folds: Rows of :func:`fold_days` of one or more origins, with one column of log forecasts
            per member.
        key: Members and shrinkage of the blend.

    Returns:
        Rows with ``log_forecast`` (of the blend, before the bias factor), one column of forecasts
        in EUR per model (``blend``, ``linear`` and the members, in place of their logs), and
        ``inside_80, inside_95`` (whether sales are inside the blend's interval; null without one).
    """
    return pl.concat(
        [_served_origin(part, earlier, key) for part, earlier in origins_with_earlier(folds)]
    )


def _served_origin(part: pl.DataFrame, earlier: pl.DataFrame, key: RecipeKey) -> pl.DataFrame:
    weights = fit_weights(earlier, key.families, shrinkage=key.shrinkage)
    spread = part["spread"].to_numpy()
    logs = {name: part[name].to_numpy() for name in (LINEAR, *key.families)}
    logs[BLEND] = weighted_mean(logs, weights)
    known = earlier.with_columns(pl.Series(BLEND, blend_logs(earlier, weights)))
    forecasts = {name: np.exp(log + _log_shift(known, name, spread)) for name, log in logs.items()}
    rows = part.drop(LINEAR, *key.families).with_columns(
        pl.Series("log_forecast", logs[BLEND]),
        *(pl.Series(name, values) for name, values in forecasts.items()),
    )
    if known.is_empty():
        return rows.with_columns(pl.lit(None, pl.Boolean).alias(name) for name in _INSIDE)
    bounds = Calibration.fit(known.rename({BLEND: "log_forecast"})).bounds(
        part["horizon_days"].to_numpy(), spread, logs[BLEND]
    )
    sales = part["sales"]
    return rows.with_columns(
        sales.is_between(bounds[f"lower_{level}"], bounds[f"upper_{level}"]).alias(
            f"inside_{level}"
        )
        for level in INTERVAL_LEVELS
    )


def blend_logs(folds: pl.DataFrame, weights: dict[str, float]) -> FloatArray:
    """Compute the blend's log forecasts from one column per member, shape (rows,)."""
    return weighted_mean({name: folds[name].to_numpy() for name in weights}, weights)


def _log_shift(earlier: pl.DataFrame, model: str, spread: FloatArray) -> float:
    if earlier.is_empty():
        return log_shift_of_spread(spread)
    log_ratio = pl.col(model) - pl.col("sales").log()
    return point_log_shift(earlier.select("forecast_origin", log_ratio=log_ratio))


def with_state(rows: pl.DataFrame, stores: pl.DataFrame) -> pl.DataFrame:
    """Add the ``state`` of the store, which folds do not store; null if unknown.

    Args:
        rows: Rows with ``store_id``.
        stores: ``store_id, state``.
    """
    states = stores.select(pl.col("store_id").cast(rows.schema["store_id"]), "state")
    return rows.join(states, on="store_id", how="left", maintain_order="left")


def score(folds: pl.DataFrame, key: RecipeKey, stores: pl.DataFrame) -> pl.DataFrame:
    """Score the blend, its members, the linear forecast and the references on the same rows.

    Args:
        folds: Rows as for :func:`served`. Rows without a reference forecast are left out for all
            models, so that all are scored on the same rows.
        key: Members and shrinkage of the blend.
        stores: ``store_id, store_type, assortment, state``.

    Returns:
        ``model, forecast_origin`` (null: all origins together), ``segment_kind, segment``, the
        scores, ``rmspe_median`` and ``skill``; then the scores of the blend's totals, see
        :func:`rossmann_ml.evaluation.total_scores.score_totals`, without skill.
        ``rmspe_median`` is the RMSPE of one origin, or its median over origins for all together,
        because one store-day with almost no sales can dominate the RMSPE of all store-days.
        ``skill`` is 1 minus the ratio of ``rmspe_median`` to that of ``seasonal_naive``.
    """
    forecasts = served(folds, key)
    rows = with_state(forecasts, stores).drop_nulls([SEASONAL_NAIVE, MEDIAN])
    models = (BLEND, *key.families, LINEAR, MEDIAN, SEASONAL_NAIVE)
    without_interval = {name: pl.lit(None, pl.Boolean) for name in _INSIDE}
    each = pl.concat(
        rows.with_columns(
            model=pl.lit(name),
            forecast=pl.col(name),
            **({} if name == BLEND else without_interval),
        ).drop(models)
        for name in models
    )
    together = each.with_columns(forecast_origin=pl.lit(None, pl.Date))
    scores = pl.concat(
        [score_segments(frame, by=["model", "forecast_origin"]) for frame in (each, together)]
    )
    totals = score_totals(
        forecasts.with_columns(forecast=pl.col(BLEND)),
        stores,
        model=BLEND,
        horizon_days=int(folds["horizon_days"].to_numpy().max()),
    )
    keys = ["segment_kind", "segment"]
    is_one_origin = pl.col("forecast_origin").is_not_null()
    over_origins = pl.col("rmspe").filter(is_one_origin).median().over("model", *keys)
    naive = pl.col("rmspe_median").filter(pl.col("model") == SEASONAL_NAIVE).first()
    return (
        pl.concat([scores, totals], how="diagonal_relaxed")
        .with_columns(rmspe_median=pl.when(is_one_origin).then("rmspe").otherwise(over_origins))
        .with_columns(skill=1 - pl.col("rmspe_median") / naive.over("forecast_origin", *keys))
    )
