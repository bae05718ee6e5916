"""Backtest a recipe: compute what it would have forecast at past origins, and measure the errors.

The models for an origin are fitted only on sales up to that origin. Weights, bias factors and
intervals are fitted on forecasts from earlier origins whose horizon had ended by then. Features,
fits and calibration use the same code as in production. :func:`served` computes the forecasts,
:func:`score` their errors. See :mod:`rossmann_ml.evaluation.folds` for storing the forecasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.evaluation import bootstrap
from rossmann_ml.evaluation.baselines import MEDIAN, SEASONAL_NAIVE, baseline_forecasts
from rossmann_ml.evaluation.metrics import score_sums, segment_sums
from rossmann_ml.evaluation.range_scores import NO_RANGE_SCORES, range_scores
from rossmann_ml.evaluation.total_scores import total_sums
from rossmann_ml.features.grid import FloatArray
from rossmann_ml.features.panel import FeatureInputs, training_panel
from rossmann_ml.models.base import log_base
from rossmann_ml.models.blend import BLEND, fit_weights, weighted_mean
from rossmann_ml.models.calibration import (
    Calibration,
    log_shift_of_spread,
    origins_with_earlier,
    point_log_shift,
)
from rossmann_ml.models.error_scale import interval_spread
from rossmann_ml.models.recipe import Recipe, RecipeKey

LINEAR = "linear"
"""Name of the linear forecast in the column ``model`` of tables with error metrics."""
LEAST_TARGET_DAYS = 42
"""Least number of days from the first training origin to an origin for which models are fitted.

It does not depend on the horizon."""
# Largest distance in days of a day near a state holiday, before or after it.
_HOLIDAY_DAYS = 3


def backtest_origins(newest: date, *, back_days: Sequence[int], first_training: date) -> list[date]:
    """Choose the past origins of a backtest, oldest first.

    Args:
        newest: Origin of the next forecast.
        back_days: For each backtest origin, the number of days before ``newest``.
        first_training: Oldest origin in the training panel. Backtest origins less than
            :data:`LEAST_TARGET_DAYS` later are skipped, because a model would have too few target
            days to be fitted on.

    Raises:
        NoDataError: No origin has enough history.
    """
    oldest = first_training + timedelta(days=LEAST_TARGET_DAYS)
    origins = sorted(newest - timedelta(days=days) for days in back_days)
    possible = [origin for origin in origins if origin >= oldest]
    if not possible:
        raise NoDataError(
            f"there is too little history before {newest} to backtest: the newest backtest origin "
            f"would be {origins[-1]}, and the first with enough history is {oldest}"
        )
    return possible


def fold_panel(inputs: FeatureInputs, origin: date, recipe: Recipe) -> pl.DataFrame:
    """Build the panel of a past origin, to forecast from it and to compare with actual sales.

    Args:
        inputs: Stores, sales and plan.
        origin: Past forecast origin.
        recipe: Recipe; only its horizon and feature parameters are used.

    Returns:
        Columns of :func:`rossmann_ml.features.panel.training_panel`: the features and ``sales``
        (EUR), one row per store-day of the horizon with sales.
    """
    horizon_days = recipe.params.forecast.horizon_days
    return training_panel(
        inputs,
        [origin],
        known_until=origin + timedelta(days=horizon_days),
        horizon_days=horizon_days,
        params=recipe.params.features,
    )


def fold_days(inputs: FeatureInputs, panel: pl.DataFrame, recipe: Recipe) -> pl.DataFrame:
    """Compute actuals, baseline forecasts and segments of a past origin's days, to measure errors.

    The result is the same for all models, so it is stored once per origin.

    Args:
        inputs: Stores, sales and plan.
        panel: Panel returned by :func:`fold_panel`.
        recipe: Recipe; only its horizon is used.

    Returns:
        One row per store-day, in the panel's order: ``forecast_origin, store_id, target_date,
        horizon_days, sales`` (EUR), ``spread`` (the store's usual log error, by which the width of
        intervals is scaled), ``linear`` (the linear forecast of log sales), ``seasonal_naive,
        store_weekday_promo_median`` (baseline forecasts in EUR, null if the store has no past sales
        to compute them from), ``store_type, is_promo`` and ``holiday_nearby`` (``near a holiday``
        if a state holiday is at most 3 days away, else ``ordinary``).
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


def served(
    folds: pl.DataFrame, key: RecipeKey, origins: Sequence[date] | None = None
) -> pl.DataFrame:
    """Compute the forecasts that the blend, its members and the linear forecast would have made.

    Each of these models has its own bias factor. At each origin, bias factors, weights and
    intervals are fitted on forecasts from earlier origins whose horizon had ended by then. If there
    is no such origin, the bias factors come from the stores' spread (their usual log error), the
    weights are equal, and there are no intervals.

    Args:
        folds: Columns returned by :func:`fold_days`, and one column of log forecasts per member,
            for one or more origins.
        key: Key of the recipe: names of the members, and how strongly their weights are shrunk
            towards equal weights.
        origins: Origins whose forecasts are computed; None for all. The others are only used to fit
            what these need.

    Returns:
        The rows of these origins. ``linear`` and the members' columns now hold forecasts in EUR.
        New columns are ``blend`` (the blend's forecast in EUR), ``log_forecast`` (its log before
        the bias factor) and the columns of
        :func:`rossmann_ml.evaluation.range_scores.range_scores`, which judge the blend's intervals
        and quantiles (null if there are none).
    """
    return pl.concat(
        [
            _served_origin(part, earlier, key)
            for part, earlier in origins_with_earlier(folds, origins)
        ]
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
        return rows.with_columns(**NO_RANGE_SCORES)
    calibration = Calibration.fit(known.rename({BLEND: "log_forecast"}))
    return rows.with_columns(range_scores(rows, calibration))


def blend_logs(folds: pl.DataFrame, weights: dict[str, float]) -> FloatArray:
    """Compute the blend's log forecasts from its members' log forecasts.

    Args:
        folds: Rows with one column of log forecasts per member.
        weights: Weights by member.

    Returns:
        Log forecasts before the bias factor, shape (rows,).
    """
    return weighted_mean({name: folds[name].to_numpy() for name in weights}, weights)


def _log_shift(earlier: pl.DataFrame, model: str, spread: FloatArray) -> float:
    if earlier.is_empty():
        return log_shift_of_spread(spread)
    log_ratio = pl.col(model) - pl.col("sales").log()
    return point_log_shift(earlier.select("forecast_origin", log_ratio=log_ratio))


def with_state(rows: pl.DataFrame, stores: pl.DataFrame) -> pl.DataFrame:
    """Add each store's federal state to rows, because stored forecasts do not contain it.

    Args:
        rows: Rows with ``store_id``.
        stores: ``store_id, state``, one row per store.

    Returns:
        Rows with the column ``state``, null if unknown.
    """
    states = stores.select(pl.col("store_id").cast(rows.schema["store_id"]), "state")
    return rows.join(states, on="store_id", how="left", maintain_order="left")


def score(
    folds: pl.DataFrame,
    key: RecipeKey,
    stores: pl.DataFrame,
    origins: Sequence[date] | None = None,
) -> pl.DataFrame:
    """Compute error metrics of the blend, its members, the linear forecast and the two baselines.

    Args:
        folds: Rows as for :func:`served`.
        key: Key of the recipe, as for :func:`served`.
        stores: ``store_id, store_type, assortment, state``, one row per store.
        origins: Origins that are measured; None for all. The others are only used to calibrate the
            forecasts of these.

    Returns:
        The columns of :func:`rossmann_ml.evaluation.metrics.score_sums`: ``model,
        forecast_origin`` (null: all origins together), ``segment_kind, segment`` (such as ``state``
        and ``BY``), numbers of origins and metrics. Also ``rmspe_median``, ``skill``, and the
        bounds of :func:`rossmann_ml.evaluation.bootstrap.bounds` (null in rows for one origin). All
        models are measured on the same rows: those with both baseline forecasts.

        In a row for one origin, ``rmspe_median`` equals ``rmspe``. In a row for all origins, it is
        the median over origins, because one store-day with almost no sales can dominate the RMSPE
        over all rows. ``skill`` is 1 minus the ratio of ``rmspe_median`` to that of
        ``seasonal_naive``.

        Additional rows hold the metrics of the blend's totals, see
        :func:`rossmann_ml.evaluation.total_scores.total_sums`. Totals also include store-days
        without baseline forecasts. Their ``rmspe_median`` has the same meaning as above. Their
        ``skill`` is null, because totals of the baselines are not measured.
    """
    forecasts = served(folds, key, origins)
    horizon_days = int(folds["horizon_days"].to_numpy().max())
    totals = total_sums(
        forecasts.with_columns(forecast=pl.col(BLEND)),
        stores,
        model=BLEND,
        horizon_days=horizon_days,
    )
    rows = (
        with_state(forecasts, stores)
        .drop_nulls([SEASONAL_NAIVE, MEDIAN])
        .sort("forecast_origin", "store_id", "target_date")
    )
    # one model after the other, because the rows of all at once would need much memory
    by_model = [
        segment_sums(
            rows.with_columns(forecast=pl.col(name), **({} if name == BLEND else NO_RANGE_SCORES)),
            by=["forecast_origin"],
        ).with_columns(model=pl.lit(name))
        for name in (BLEND, *key.families, LINEAR, MEDIAN, SEASONAL_NAIVE)
    ]
    sums = pl.concat([*by_model, totals], how="diagonal_relaxed")
    return _with_medians(score_sums(sums)).join(
        bootstrap.bounds(sums, horizon_days=horizon_days).with_columns(
            forecast_origin=pl.lit(None, pl.Date)
        ),
        on=["model", "forecast_origin", "segment_kind", "segment"],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )


def _with_medians(scores: pl.DataFrame) -> pl.DataFrame:
    """Add ``rmspe_median`` and ``skill`` to metrics by origin and for all origins together."""
    keys = ["segment_kind", "segment"]
    is_one_origin = pl.col("forecast_origin").is_not_null()
    over_origins = pl.col("rmspe").filter(is_one_origin).median().over("model", *keys)
    naive = pl.col("rmspe_median").filter(pl.col("model") == SEASONAL_NAIVE).first()
    return scores.with_columns(
        rmspe_median=pl.when(is_one_origin).then("rmspe").otherwise(over_origins)
    ).with_columns(skill=1 - pl.col("rmspe_median") / naive.over("forecast_origin", *keys))
