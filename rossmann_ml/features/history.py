"""History features: what sales up to an origin say about a store and a target day.

Belongs here: everything computed from sales with ``date <= origin``, put together.
Not here: what is known in advance (:mod:`rossmann_ml.features.plan`), the linear forecast itself
(:mod:`rossmann_ml.features.linear`) and the statistics of what it left over
(:mod:`rossmann_ml.features.residuals`).
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from rossmann_ml.base.params import FeatureParams
from rossmann_ml.features.blas import one_blas_thread
from rossmann_ml.features.cell_means import cell_numbers
from rossmann_ml.features.grid import (
    BoolArray,
    Float32Array,
    FloatArray,
    IntArray,
    PlanGrid,
    SalesGrid,
    StoreGrid,
    weekdays,
)
from rossmann_ml.features.linear import LinearForecast, linear_forecasts
from rossmann_ml.features.residuals import (
    AsOf,
    last_year_features,
    look_back,
    month_edge_features,
    recent_features,
)

BASE_COLUMN = "base_log_sales"


def history_feature_names(params: FeatureParams) -> dict[str, str]:
    """Names and meanings of the history features, in the order of their columns."""
    return {
        BASE_COLUMN: "linear forecast of log sales: calendar, promotion and the recent level",
        "chain_shape": "what the whole chain's linear forecast says of the day, without levels",
        "own_shape": "what the store's own linear forecast adds to the chain's, without levels",
        **{
            f"cell_difference_{days}d": "weekday-promotion mean with this half-life, minus the base"
            for days in params.half_lives_days
        },
        **{
            f"residual_{days}d": "mean of log sales minus base over the last days"
            for days in params.residual_windows_days
        },
        "residual_promo_56d": "the same on promotion days of the last 56 days",
        "residual_no_promo_56d": "the same on days without promotion",
        "residual_same_weekday_56d": "the same on the target's weekday",
        "residual_std_182d": "spread of log sales around the base",
        "level_trend": "level with the shortest minus the longest half-life",
        "store_level": "the store's level without weekday and promotion",
        "recent_shift": "how far the store has lately been from its level",
        "chain_residual_7d": "the chain's mean residual over the last 7 days",
        "chain_residual_28d": "the chain's mean residual over the last 28 days",
        "state_residual_28d": "the state's mean residual over the last 28 days, minus the chain's",
        "last_year_store": "residual of the store on the same day a year ago",
        "last_year_store_7d": "mean over the 7 days around it",
        "last_year_store_21d": "mean over the 21 days around it",
        "last_year_change": "that mean minus the store's at the origin a year ago",
        "last_year_chain": "residual of the chain on the same day a year ago",
        "last_year_chain_7d": "mean over the 7 days around it",
        "last_year_chain_change": "the chain's 21-day mean there minus at the origin a year ago",
        "last_year_state_7d": "mean of the state over the 7 days around the same day a year ago",
        "year_before_chain_7d": "the chain's 7-day mean two years ago",
        "year_before_store_21d": "the store's 21-day mean two years ago",
        "month_start_residual": "the store's mean residual on days 1 to 3 of the month, 364 days",
        "month_end_residual": "the store's mean residual on the last 3 days of the month, 364 days",
        "observed_days_91d": "days with sales in the last 91",
        "observed_days_364d": "days with sales in the last 364",
        "days_since_observed": "days between the last day with sales and the origin, at most 400",
    }


@one_blas_thread
def history_features(
    history: SalesGrid,
    plan: PlanGrid,
    stores: StoreGrid,
    *,
    forecast_origin: date,
    horizon_days: int,
    params: FeatureParams,
    linear: LinearForecast | None = None,
) -> dict[str, Float32Array]:
    """Compute every history feature for all stores and the days after an origin.

    Sales after the origin are cut off before anything is computed, so no change to them can move
    a feature. A store's features use its own history and statistics of chain, group and state
    that are sums over stores.

    Args:
        history: Sales; columns after the origin are not looked at.
        plan: Gives the promotion of past days and of the target days.
        stores: The stores, in the row order of both grids.
        forecast_origin: The last day whose sales are known.
        horizon_days: How many days after the origin.
        params: Half-lives and windows.
        linear: The linear forecast as of that origin; made anew without it.

    Returns:
        By the names of :func:`history_feature_names`, arrays that broadcast to
        (stores, horizon_days); NaN where a store has nothing to compute it from.
    """
    if linear is None:
        (linear,) = linear_forecasts(history, plan, stores, [forecast_origin])
    if linear.forecast_origin != forecast_origin:
        raise ValueError(
            f"a linear forecast as of {linear.forecast_origin} does not fit {forecast_origin}"
        )
    known = history.until(forecast_origin)
    past_weekdays, past_promo = _past(known, plan)
    as_of = look_back(
        known, plan, stores, linear, params, past_promo=past_promo, past_weekdays=past_weekdays
    )
    features = expectations(linear, as_of, plan, horizon_days=horizon_days, params=params)
    features |= recent_features(as_of, past_promo, past_weekdays, horizon_days, params)
    features["level_trend"] = (as_of.levels[0].level - as_of.levels[-1].level)[:, None]
    features["store_level"] = as_of.levels[-1].level[:, None]
    features["recent_shift"] = as_of.shift[:, None]
    features |= last_year_features(as_of, horizon_days)
    features |= month_edge_features(as_of, known.first_date)
    features |= _observations(as_of.observed)
    return {name: features[name].astype(np.float32) for name in history_feature_names(params)}


@one_blas_thread
def as_of_origin(
    history: SalesGrid,
    plan: PlanGrid,
    stores: StoreGrid,
    linear: LinearForecast,
    params: FeatureParams,
) -> AsOf:
    """What is known at the origin of a linear forecast; sales after it are not looked at."""
    known = history.until(linear.forecast_origin)
    past_weekdays, past_promo = _past(known, plan)
    return look_back(
        known, plan, stores, linear, params, past_promo=past_promo, past_weekdays=past_weekdays
    )


@one_blas_thread
def expectations(
    linear: LinearForecast,
    as_of: AsOf,
    plan: PlanGrid,
    *,
    horizon_days: int,
    params: FeatureParams,
) -> dict[str, FloatArray]:
    """What linear forecast and cell means expect of the target days.

    These are the history features that the plan of the target days moves; the others stay the
    same whatever is planned.

    Args:
        linear: The linear forecast, whose design holds the target days.
        as_of: What is known at its origin.
        plan: The plan of the target days.
        horizon_days: How many days after the origin.
        params: Half-lives.
    """
    first_target = linear.forecast_origin + timedelta(days=1)
    target_promo = _columns(plan, plan.is_promo, first_target, horizon_days)
    target_cells = cell_numbers(weekdays(first_target, horizon_days), target_promo)
    start = (first_target - linear.design.first_date).days
    base = linear.log_sales(start, start + horizon_days) + as_of.shift[:, None]
    chain_shape = linear.chain_shape(start, start + horizon_days)
    features: dict[str, FloatArray] = {BASE_COLUMN: base, "chain_shape": chain_shape}
    features["own_shape"] = linear.own_shape(start, start + horizon_days) - chain_shape
    for days, levels in zip(params.half_lives_days, as_of.levels, strict=True):
        cells = np.take_along_axis(levels.cells, target_cells, axis=1)
        features[f"cell_difference_{days}d"] = cells - base
    return features


def _past(known: SalesGrid, plan: PlanGrid) -> tuple[IntArray, BoolArray]:
    """Weekday and promotion of the days of a history."""
    days = known.sales.shape[1]
    past_promo = _columns(plan, plan.is_promo, known.first_date, days)
    return weekdays(known.first_date, days), past_promo


def _columns(plan: PlanGrid, values: BoolArray, first: date, days: int) -> BoolArray:
    start = plan.column(first)
    if start < 0 or start + days > plan.days:
        raise ValueError(
            f"the plan covers {plan.first_date} to {plan.dates[-1]}, "
            f"not {first} and the {days - 1} days after it"
        )
    return values[:, start : start + days]


def _observations(observed: BoolArray) -> dict[str, FloatArray]:
    reversed_days = observed[:, :-401:-1]
    gap = np.where(reversed_days.any(axis=1), reversed_days.argmax(axis=1), 400)
    return {
        "observed_days_91d": observed[:, -91:].sum(axis=1)[:, None].astype(np.float64),
        "observed_days_364d": observed[:, -364:].sum(axis=1)[:, None].astype(np.float64),
        "days_since_observed": gap[:, None].astype(np.float64),
    }
