"""Compute history features for each store and target day, from sales up to a forecast origin.

Each module in this package is one feature group: it defines ``GROUP``, a
:class:`rossmann_ml.features.groups.HistoryGroup`. This file computes the features that also depend
on the plan for the target days. See :mod:`rossmann_ml.features.linear` for the linear forecast and
:mod:`rossmann_ml.features.residuals` for its residuals.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from rossmann_ml.base.params import FeatureParams
from rossmann_ml.features.blas import one_blas_thread
from rossmann_ml.features.cell_means import cell_numbers
from rossmann_ml.features.grid import (
    Float32Array,
    FloatArray,
    PlanGrid,
    SalesGrid,
    StoreGrid,
    weekdays,
)
from rossmann_ml.features.groups import FeatureGroup, HistoryGroup, find_groups
from rossmann_ml.features.linear import LinearForecast
from rossmann_ml.features.residuals import Past, as_of_origin

BASE_COLUMN = "base_log_sales"
_CELL = "cell_difference_{half_lives_days}d"


_EXPECTATIONS = FeatureGroup(
    meanings={
        BASE_COLUMN: "linear forecast of log sales, plus the store's recent shift",
        "chain_shape": "effect of the day in the chain's linear forecast, without the level",
        "own_shape": "effect of the day in the store's linear forecast, minus the chain's",
        _CELL: "mean log sales by weekday and promotion with this half-life, minus the base",
    },
    cause="linear",
    other_causes={_CELL: "trend"},
)
# The order of columns changes a fit, so these groups keep their order; all others follow.
_FIRST = ("recent", "levels", "chain", "last_year", "month_edges", "observations")


def history_groups() -> list[FeatureGroup]:
    """Return all groups of history features, in column order.

    The first group holds the features that :func:`expectations` computes, which also depend on the
    plan. The groups of the package's modules follow.
    """
    return [_EXPECTATIONS, *_groups_of_modules()]


def history_feature_names(params: FeatureParams) -> dict[str, str]:
    """Map the name of each history feature to its meaning, in column order."""
    return {name: text for group in history_groups() for name, text in group.names(params).items()}


def _groups_of_modules() -> list[HistoryGroup]:
    return find_groups(__name__, _FIRST)


@one_blas_thread
def history_features(
    history: SalesGrid,
    plan: PlanGrid,
    stores: StoreGrid,
    linear: LinearForecast,
    *,
    horizon_days: int,
    params: FeatureParams,
) -> dict[str, Float32Array]:
    """Compute every history feature for all stores and the days after an origin.

    The origin is that of the linear forecast. Sales after it are removed first, so they cannot
    change a feature. A store's features depend on its own history and on sums over all stores, over
    stores of its type and assortment, and over stores in its state.

    Args:
        history: Sales; columns after the origin are ignored.
        plan: Plan that covers the days of ``history`` and the target days.
        stores: Stores, in the row order of both grids.
        linear: Linear forecast that was fitted on sales up to the origin.
        horizon_days: Number of target days after the origin.
        params: Half-lives and windows, in days.

    Returns:
        One array per feature, in the order of :func:`history_feature_names`. Arrays broadcast to
        (stores, horizon_days) and are NaN for stores with too little history.

    Raises:
        ValueError: The plan lacks days.
    """
    past = as_of_origin(history, plan, stores, linear, params)
    features: dict[str, np.ndarray] = {
        **expectations(linear, past, plan, horizon_days=horizon_days)
    }
    for group in _groups_of_modules():
        features |= group.compute(past, horizon_days)
    return {name: features[name].astype(np.float32) for name in history_feature_names(params)}


@one_blas_thread
def expectations(
    linear: LinearForecast, past: Past, plan: PlanGrid, *, horizon_days: int
) -> dict[str, FloatArray]:
    """Compute the history features that depend on the target days' plan.

    - ``base_log_sales``: the linear forecast of log sales, plus the store's recent shift.
    - ``chain_shape``: the linear forecast with the chain's coefficients and without the store's
      level.
    - ``own_shape``: the linear forecast without the store's level, minus ``chain_shape``.
    - ``cell_difference_60d`` and so on, one per half-life: the store's mean log sales in the target
      day's cell, minus ``base_log_sales``.

    What-if forecasts recompute only these history features, because a changed plan does not change
    the others.

    Args:
        linear: Linear forecast; its design covers the target days.
        past: Recent shift and cell means, computed from sales up to the origin of ``linear``.
        plan: Plan of the target days.
        horizon_days: Number of target days after the origin.

    Returns:
        Arrays by feature name, in log units, shape (stores, horizon_days).

    Raises:
        ValueError: The plan lacks a target day.
    """
    first_target = linear.forecast_origin + timedelta(days=1)
    target_promo = plan.promotions(first_target, horizon_days)
    target_cells = cell_numbers(weekdays(first_target, horizon_days), target_promo)
    start = (first_target - linear.design.first_date).days
    base = linear.log_sales(start, start + horizon_days) + past.shift[:, None]
    chain_shape = linear.chain_shape(start, start + horizon_days)
    features: dict[str, FloatArray] = {BASE_COLUMN: base, "chain_shape": chain_shape}
    features["own_shape"] = linear.own_shape(start, start + horizon_days) - chain_shape
    for days, levels in zip(past.params.half_lives_days, past.levels, strict=True):
        cells = np.take_along_axis(levels.cells, target_cells, axis=1)
        features[f"cell_difference_{days}d"] = cells - base
    return features
