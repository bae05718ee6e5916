"""Backtests: what a recipe would have forecast at past origins, and how that scores.

Each origin's model is fitted on rows whose target day is on or before that origin; bias factor and
intervals come from origins that were over by then. Fitting, features and scoring are the
production code's. Where results are stored is :mod:`rossmann_ml.training`'s matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from rossmann_ml.errors import NoDataError
from rossmann_ml.features.panel import FeatureInputs, scoring_panel
from rossmann_ml.metrics import score_segments
from rossmann_ml.models.baselines import MEDIAN, SEASONAL_NAIVE, baseline_forecasts
from rossmann_ml.models.calibration import Calibration, interval_spread
from rossmann_ml.progress import Progress, silent
from rossmann_ml.recipe import Recipe

_HOLIDAY_DAYS = 3


def backtest_origins(newest: date, *, back_days: Sequence[int], first_training: date) -> list[date]:
    """Past origins to judge a recipe on, oldest first.

    Args:
        newest: The origin of the forecast to come.
        back_days: How many days before it each lies.
        first_training: The oldest training origin: a model needs at least 42 days of targets
            after it.

    Raises:
        NoDataError: None of them has enough history.
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


def out_of_fold(
    panel: pl.DataFrame,
    inputs: FeatureInputs,
    origins: Sequence[date],
    recipe: Recipe,
    *,
    progress: Progress = silent,
) -> pl.DataFrame:
    """Forecast past origins by models that saw nothing of what came after.

    Args:
        panel: A training panel with origins before the oldest of ``origins``.
        inputs: What the features of the origins are made of.
        origins: The past origins.
        recipe: How the model is fitted.
        progress: Told which origin is at work.

    Returns:
        The columns of ``forecasting.out_of_fold`` from ``forecast_origin`` on: open days with
        sales, sorted by origin, store and day.
    """
    parts = []
    for number, origin in enumerate(origins, start=1):
        progress(f"backtest at origin {origin}, {number} of {len(origins)}")
        model = recipe.fit(panel.filter(pl.col("forecast_origin") < origin), known_until=origin)
        rows = _rows_with_sales(inputs, origin, recipe)
        log_forecast = model.predict_log_sales(rows, threads=recipe.threads)
        baselines = baseline_forecasts(
            inputs,
            forecast_origin=origin,
            horizon_days=recipe.params.forecast.horizon_days,
        )
        parts.append(
            rows.with_columns(
                log_forecast=pl.Series(log_forecast), spread=pl.Series(interval_spread(rows))
            ).join(baselines, on=["store_id", "target_date"], how="left", maintain_order="left")
        )
    near = pl.min_horizontal("days_since_state_holiday", "days_until_state_holiday")
    types = inputs.stores.attributes.select("store_id", store_type_name="store_type")
    return (
        pl.concat(parts)
        .join(types, on="store_id", how="left", maintain_order="left")
        .select(
            "forecast_origin",
            "store_id",
            "target_date",
            "horizon_days",
            "sales",
            "log_forecast",
            "spread",
            SEASONAL_NAIVE,
            MEDIAN,
            store_type="store_type_name",
            is_promo=pl.col("is_promo") == 1,
            holiday_nearby=pl.when(near <= _HOLIDAY_DAYS)
            .then(pl.lit("near a holiday"))
            .otherwise(pl.lit("ordinary")),
        )
        .with_columns(pl.col(SEASONAL_NAIVE, MEDIAN).fill_nan(None))
    )


def _rows_with_sales(inputs: FeatureInputs, origin: date, recipe: Recipe) -> pl.DataFrame:
    horizon_days = recipe.params.forecast.horizon_days
    panel = scoring_panel(
        inputs,
        forecast_origin=origin,
        horizon_days=horizon_days,
        params=recipe.params.features,
    )
    start = (origin - inputs.sales.first_date).days + 1
    sales = inputs.sales.sales[:, start : start + horizon_days].reshape(-1)
    return panel.with_columns(sales=pl.Series(sales)).filter(pl.col("sales").fill_nan(None) > 0)


def calibrated(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the forecast that would have been served, calibrated on earlier origins only.

    Args:
        rows: As :func:`out_of_fold` returns them.

    Returns:
        The rows with ``forecast, inside_80, inside_95``; without an earlier origin that was over
        by then, no bias factor and no interval (null).
    """
    parts = []
    for (origin,), part in rows.group_by("forecast_origin", maintain_order=True):
        earlier = rows.filter(pl.col("target_date").max().over("forecast_origin") <= origin)
        log_forecast = part["log_forecast"].to_numpy()
        if earlier.is_empty():
            parts.append(
                part.with_columns(
                    forecast=pl.Series(np.exp(log_forecast)),
                    inside_80=pl.lit(None, pl.Boolean),
                    inside_95=pl.lit(None, pl.Boolean),
                )
            )
            continue
        bounds = Calibration.fit(earlier).bounds(
            part["horizon_days"].to_numpy(), part["spread"].to_numpy(), log_forecast
        )
        served = pl.concat([part, bounds], how="horizontal")
        parts.append(
            served.with_columns(
                forecast="sales_forecast",
                **{
                    f"inside_{level}": pl.col("sales").is_between(
                        f"lower_{level}", f"upper_{level}"
                    )
                    for level in (80, 95)
                },
            ).drop(bounds.columns)
        )
    return pl.concat(parts)


def score(rows: pl.DataFrame, *, family: str) -> pl.DataFrame:
    """Score a model and the references on the same rows.

    Args:
        rows: As :func:`out_of_fold` returns them; rows that a reference cannot answer are left
            out for all, so that all are compared on the same rows.
        family: The model's name in the table.

    Returns:
        ``model, forecast_origin`` (null: all origins together), ``segment_kind, segment``, the
        scores and ``skill``.
    """
    served = calibrated(rows).drop_nulls([SEASONAL_NAIVE, MEDIAN])
    without_interval = {f"inside_{level}": pl.lit(None, pl.Boolean) for level in (80, 95)}
    by_model = [
        served.with_columns(model=pl.lit(family)),
        *(
            served.with_columns(model=pl.lit(name), forecast=name, **without_interval)
            for name in (SEASONAL_NAIVE, MEDIAN)
        ),
    ]
    each = pl.concat(by_model)
    together = each.with_columns(forecast_origin=pl.lit(None, pl.Date))
    scores = pl.concat(
        [score_segments(frame, by=["model", "forecast_origin"]) for frame in (each, together)]
    )
    keys = ["forecast_origin", "segment_kind", "segment"]
    naive = scores.filter(pl.col("model") == SEASONAL_NAIVE).select(*keys, naive_rmspe="rmspe")
    return (
        scores.join(naive, on=keys, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(skill=1 - pl.col("rmspe") / pl.col("naive_rmspe"))
        .drop("naive_rmspe")
    )
