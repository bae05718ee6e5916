"""History features: what sales up to an origin say about a store and a target day.

Belongs here: everything computed from sales and customers with ``date <= origin``. Not here: what
is known in advance (:mod:`rossmann_ml.features.plan`) and the base level itself
(:mod:`rossmann_ml.features.cell_means`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from rossmann_ml.features.cell_means import (
    CellLevels,
    cell_levels,
    cell_numbers,
    cell_sums,
)
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
from rossmann_ml.features.linear import LinearForecast, linear_forecasts, recent_shift
from rossmann_ml.params import FeatureParams

BASE_COLUMN = "base_log_sales"
_YEAR_DAYS = 364  # 52 weeks: the same weekday a year ago
_SPEND_DAYS = 91


@dataclass(frozen=True)
class _AsOf:
    """What is known at an origin, cut off there, and what was left over of it."""

    log_sales: FloatArray  # (stores, days), 0 where not observed
    observed: BoolArray
    residuals: FloatArray  # log sales minus the linear forecast, 0 where not observed
    chain: FloatArray  # (days,) mean residual
    states: FloatArray  # (states, days) mean residual
    state_of_store: IntArray
    levels: list[CellLevels]  # by half-life
    shift: FloatArray  # (stores,)


def history_feature_names(params: FeatureParams) -> dict[str, str]:
    """Names and meanings of the history features, in the order of their columns."""
    return {
        BASE_COLUMN: "linear forecast of log sales: calendar, promotion and the recent level",
        "chain_shape": "what the whole chain's linear forecast says of the day, without levels",
        "own_shape": "what the store's linear forecast adds to that and to its level",
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
        "spend_per_customer_log": "log of sales per customer over the last 91 days",
        "spend_change_year": "that minus the same a year earlier",
        "observed_days_91d": "days with sales in the last 91",
        "observed_days_364d": "days with sales in the last 364",
        "days_since_observed": "days between the last day with sales and the origin, at most 400",
    }


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
    known = history.until(forecast_origin)
    past_weekdays = weekdays(known.first_date, known.sales.shape[1])
    past_promo = _columns(plan, plan.is_promo, known.first_date, known.sales.shape[1])
    first_target = forecast_origin + timedelta(days=1)
    target_promo = _columns(plan, plan.is_promo, first_target, horizon_days)
    target_cells = cell_numbers(weekdays(first_target, horizon_days), target_promo)

    if linear is None:
        (linear,) = linear_forecasts(history, plan, stores, [forecast_origin])
    if linear.forecast_origin != forecast_origin:
        raise ValueError(
            f"a linear forecast as of {linear.forecast_origin} does not fit {forecast_origin}"
        )

    as_of = _look_back(
        known, plan, stores, linear, params, past_promo=past_promo, past_weekdays=past_weekdays
    )
    start = plan.column(first_target)
    base = linear.log_sales(start, start + horizon_days) + as_of.shift[:, None]
    chain_shape = linear.chain_shape(start, start + horizon_days)
    features: dict[str, FloatArray] = {BASE_COLUMN: base, "chain_shape": chain_shape}
    features["own_shape"] = linear.own_shape(start, start + horizon_days) - chain_shape
    for days, levels in zip(params.half_lives_days, as_of.levels, strict=True):
        cells = np.take_along_axis(levels.cells, target_cells, axis=1)
        features[f"cell_difference_{days}d"] = cells - base
    features |= _recent(as_of, past_promo, past_weekdays, horizon_days, params)
    features["level_trend"] = (as_of.levels[0].level - as_of.levels[-1].level)[:, None]
    features["store_level"] = as_of.levels[-1].level[:, None]
    features["recent_shift"] = as_of.shift[:, None]
    features |= _last_years(as_of, horizon_days)
    features |= _month_edges(as_of, known.first_date)
    features |= _customers(known)
    features |= _observations(as_of.observed)
    return {name: features[name].astype(np.float32) for name in history_feature_names(params)}


def _columns(plan: PlanGrid, values: BoolArray, first: date, days: int) -> BoolArray:
    start = plan.column(first)
    if start < 0 or start + days > plan.days:
        raise ValueError(
            f"the plan covers {plan.first_date} to {plan.dates[-1]}, "
            f"not {first} and the {days - 1} days after it"
        )
    return values[:, start : start + days]


def _look_back(
    known: SalesGrid,
    plan: PlanGrid,
    stores: StoreGrid,
    linear: LinearForecast,
    params: FeatureParams,
    *,
    past_promo: BoolArray,
    past_weekdays: IntArray,
) -> _AsOf:
    observed = known.sales > 0  # closed days and the few open days without sales say nothing
    log_sales = np.log(np.where(observed, known.sales, 1.0))
    groups = stores.groups()
    half_lives = tuple(map(float, params.half_lives_days))
    sums = cell_sums(log_sales, observed, past_promo, past_weekdays, half_lives)
    levels = [cell_levels(each, groups) for each in sums]
    start = plan.column(known.first_date)
    expected = linear.log_sales(start, start + log_sales.shape[1])
    residuals = np.where(observed, log_sales - expected, 0.0)
    chain = residuals.sum(axis=0) / np.maximum(observed.sum(axis=0), 1)
    shift = recent_shift(residuals, observed, chain)

    state_of_store = stores.codes("state") + 1  # 0 gathers the stores of unknown state
    membership = np.eye(int(state_of_store.max()) + 1)[state_of_store].T
    states = (membership @ residuals) / np.maximum(membership @ observed, 1)
    return _AsOf(log_sales, observed, residuals, chain, states, state_of_store, levels, shift)


def _mean(total: FloatArray, count: FloatArray | IntArray) -> FloatArray:
    """Means, NaN where nothing was counted."""
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _recent(
    as_of: _AsOf,
    past_promo: BoolArray,
    past_weekdays: IntArray,
    horizon_days: int,
    params: FeatureParams,
) -> dict[str, FloatArray]:
    residuals, observed = as_of.residuals, as_of.observed
    features = {}
    for days in params.residual_windows_days:
        means = _mean(residuals[:, -days:].sum(axis=1), observed[:, -days:].sum(axis=1))
        features[f"residual_{days}d"] = means[:, None]

    recent, seen, promo = residuals[:, -56:], observed[:, -56:], past_promo[:, -56:]
    for name, chosen in (("promo", seen & promo), ("no_promo", seen & ~promo)):
        means = _mean((recent * chosen).sum(axis=1), chosen.sum(axis=1))
        features[f"residual_{name}_56d"] = means[:, None]
    by_weekday = np.eye(7)[past_weekdays[-56:]]
    weekday_means = _mean(recent @ by_weekday, seen @ by_weekday)
    target_weekdays = (past_weekdays[-1] + 1 + np.arange(horizon_days)) % 7
    features["residual_same_weekday_56d"] = weekday_means[:, target_weekdays]

    half_year, seen_half_year = residuals[:, -182:], observed[:, -182:].sum(axis=1)
    mean = _mean(half_year.sum(axis=1), seen_half_year)
    variance = _mean((half_year**2).sum(axis=1), seen_half_year) - mean**2
    features["residual_std_182d"] = np.sqrt(np.maximum(variance, 0))[:, None]

    for days in (7, 28):
        seen_days = observed[:, -days:]
        chain = residuals[:, -days:].sum() / max(int(seen_days.sum()), 1)
        features[f"chain_residual_{days}d"] = np.full((1, 1), chain)
    state = as_of.states[:, -28:].mean(axis=1) - as_of.chain[-28:].mean()
    features["state_residual_28d"] = state[as_of.state_of_store][:, None]
    return features


def _around(
    values: FloatArray, counts: FloatArray | BoolArray, columns: IntArray, days: int
) -> FloatArray:
    """Means over ``days`` columns centred on each of ``columns``; NaN where nothing is there."""
    half = days // 2
    low, high = int(columns[0]) - half, int(columns[-1]) + half + 1
    if high <= 0:
        return np.full((values.shape[0], len(columns)), np.nan)
    pad = max(-low, 0)  # days before the history began
    span = slice(max(low, 0), high)
    sums = []
    for array in (values, counts):
        piece = np.pad(array[:, span].astype(np.float64), ((0, 0), (pad, 0)))
        running = np.zeros((piece.shape[0], piece.shape[1] + 1))
        np.cumsum(piece, axis=1, out=running[:, 1:])
        sums.append(running[:, days:] - running[:, :-days])
    return _mean(sums[0], np.rint(sums[1]))


def _last_years(as_of: _AsOf, horizon_days: int) -> dict[str, FloatArray]:
    last = as_of.residuals.shape[1] - 1
    targets = last + 1 + np.arange(horizon_days)
    year, year_before = targets - _YEAR_DAYS, targets - 2 * _YEAR_DAYS
    # where a year ago the origin stood: how the season moved on from there
    then = np.array([last - _YEAR_DAYS - 10])

    store = (as_of.residuals, as_of.observed)
    chain = (as_of.residuals.sum(axis=0)[None, :], as_of.observed.sum(axis=0)[None, :])
    state = (as_of.states, (as_of.states != 0).astype(np.float64))
    return {
        "last_year_store": _around(*store, year, 1),
        "last_year_store_7d": _around(*store, year, 7),
        "last_year_store_21d": (store_21 := _around(*store, year, 21)),
        "last_year_change": store_21 - _around(*store, then, 21),
        "last_year_chain": _around(*chain, year, 1),
        "last_year_chain_7d": _around(*chain, year, 7),
        "last_year_chain_change": _around(*chain, year, 21) - _around(*chain, then, 21),
        "last_year_state_7d": _around(*state, year, 7)[as_of.state_of_store],
        "year_before_chain_7d": _around(*chain, year_before, 7),
        "year_before_store_21d": _around(*store, year_before, 21),
    }


def _month_edges(as_of: _AsOf, first_date: date) -> dict[str, FloatArray]:
    days = as_of.residuals.shape[1]
    start = max(days - _YEAR_DAYS, 0)
    dates = [first_date + timedelta(days=number) for number in range(start, days)]
    recent, seen = as_of.residuals[:, start:], as_of.observed[:, start:]
    edges = {
        "month_start_residual": np.array([day.day <= 3 for day in dates]),
        "month_end_residual": np.array([(day + timedelta(days=3)).day <= 3 for day in dates]),
    }
    return {
        name: _mean(recent[:, chosen].sum(axis=1), seen[:, chosen].sum(axis=1))[:, None]
        for name, chosen in edges.items()
    }


def _customers(known: SalesGrid) -> dict[str, FloatArray]:
    def log_spend(columns: slice) -> FloatArray:
        sales, customers = known.sales[:, columns], known.customers[:, columns]
        both = (sales > 0) & (customers > 0)
        total_sales = np.where(both, sales, 0).sum(axis=1)
        total_customers = np.where(both, customers, 0).sum(axis=1)
        return np.log(_mean(total_sales, total_customers))

    now = log_spend(slice(-_SPEND_DAYS, None))
    # slices that reach before the first day are empty, which gives NaN as it should
    days = known.sales.shape[1]
    end = max(days - _YEAR_DAYS, 0)
    year_ago = log_spend(slice(max(end - _SPEND_DAYS, 0), end))
    return {
        "spend_per_customer_log": now[:, None],
        "spend_change_year": (now - year_ago)[:, None],
    }


def _observations(observed: BoolArray) -> dict[str, FloatArray]:
    reversed_days = observed[:, :-401:-1]
    gap = np.where(reversed_days.any(axis=1), reversed_days.argmax(axis=1), 400)
    return {
        "observed_days_91d": observed[:, -91:].sum(axis=1)[:, None].astype(np.float64),
        "observed_days_364d": observed[:, -364:].sum(axis=1)[:, None].astype(np.float64),
        "days_since_observed": gap[:, None].astype(np.float64),
    }
