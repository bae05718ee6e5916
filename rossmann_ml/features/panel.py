"""Build panels: feature tables with one row per (forecast origin, store, target day).

:func:`training_panel` builds the rows to fit models on, :func:`scoring_panel` the rows to forecast.
Both compute features with the same code. :func:`training_origins` chooses the training origins. See
:mod:`rossmann_ml.features.panels` for storing panels in the warehouse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from rossmann_ml.base.params import FeatureParams
from rossmann_ml.base.progress import Progress, silent
from rossmann_ml.features.grid import (
    BoolArray,
    Float32Array,
    FloatArray,
    PlanGrid,
    SalesGrid,
    StoreGrid,
    days_of,
)
from rossmann_ml.features.history import history_features, history_groups
from rossmann_ml.features.linear import LinearForecast, linear_forecasts
from rossmann_ml.features.plan import look_back_days, plan_features, plan_groups

STORE_FEATURES = {
    "store_type": "the store type, as text",
    "assortment": "the assortment, as text",
    "state": "the state, as text; null where it is unknown",
}
"""Meaning of each text feature by name.

Each model converts their values with codes that it keeps from its training."""


def categorical_features() -> list[str]:
    """Return the names of features whose values have no order, which models treat as categories."""
    return [*(name for group in plan_groups() for name in group.categorical), *STORE_FEATURES]


def feature_names(params: FeatureParams) -> list[str]:
    """Return the names of all features in a panel, in column order.

    Args:
        params: Half-lives and windows, in days; they are part of the names, as in ``residual_56d``.

    Raises:
        ValueError: Two feature groups compute a feature of the same name.
    """
    of_plan = (name for group in plan_groups() for name in group.meanings)
    of_history = (name for group in history_groups() for name in group.names(params))
    names = ["horizon_days", *of_plan, *STORE_FEATURES, *of_history]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise ValueError(
            f"feature groups share the names {', '.join(twice)}: expected another name for each "
            "feature"
        )
    return names


@dataclass(frozen=True)
class FeatureInputs:
    """Stores, sales and plan as arrays, from which features are computed.

    Attributes:
        stores: Stores, in the row order of ``sales`` and ``plan``.
        sales: Actual sales by store and day, in EUR, NaN on store-days without a row.
        plan: Plan of past days, of the horizon, and of the 21 days after it
            (``plan_lookahead_days`` of dbt), because features also look at the days after a day.
    """

    stores: StoreGrid
    sales: SalesGrid
    plan: PlanGrid

    @classmethod
    def from_frames(
        cls, *, history: pl.DataFrame, plan: pl.DataFrame, stores: pl.DataFrame
    ) -> FeatureInputs:
        """Build the arrays from tables, see :mod:`rossmann_ml.features.inputs` for reading them.

        Args:
            history: Sales: ``store_id, sales_date, sales``.
            plan: Plan: ``store_id, plan_date, is_open, is_promo, state_holiday,
                is_school_holiday``.
            stores: Stores with their attributes, see :class:`StoreGrid` for the columns.
        """
        grid = StoreGrid.from_frame(stores)
        return cls(grid, SalesGrid.from_frame(history, grid), PlanGrid.from_frame(plan, grid))


def scoring_panel(
    inputs: FeatureInputs,
    *,
    forecast_origin: date,
    horizon_days: int,
    params: FeatureParams,
    linear: LinearForecast | None = None,
) -> pl.DataFrame:
    """Build the panel to forecast from one origin: all stores on all days of the horizon.

    Closed days have rows too.

    Args:
        inputs: Stores, sales and plan; sales after the origin are ignored.
        forecast_origin: Last day whose sales are known.
        horizon_days: Number of target days after the origin.
        params: Half-lives and windows, in days.
        linear: Linear forecast fitted on sales up to the origin; None to fit it here.

    Returns:
        ``forecast_origin, store_id, target_date, horizon_days, is_open`` and the features, sorted
        by store and day. Features are 32-bit floats, NaN if unknown, except ``STORE_FEATURES``,
        which are text.
    """
    if linear is None:
        (linear,) = linear_forecasts(inputs.sales, inputs.plan, inputs.stores, [forecast_origin])
    # earlier days do not affect the plan features of the horizon
    near = inputs.plan.since(forecast_origin - timedelta(days=look_back_days()))
    start = inputs.plan.column(forecast_origin) + 1
    is_open = inputs.plan.is_open[:, start : start + horizon_days]
    return _panel_of_origin(
        inputs,
        _horizon(plan_features(near, inputs.stores), near.column(forecast_origin), horizon_days),
        linear,
        np.ones(is_open.shape, np.bool_),
        params,
    ).with_columns(is_open=pl.Series(is_open.reshape(-1)))


def training_panel(
    inputs: FeatureInputs,
    origins: Sequence[date],
    *,
    known_until: date,
    horizon_days: int,
    params: FeatureParams,
    rows_share: float = 1.0,
    progress: Progress = silent,
) -> pl.DataFrame:
    """Build the panel for many past origins, with actual sales, to fit models on.

    Args:
        inputs: Stores, sales and plan.
        origins: Forecast origins; each origin's features use only sales up to it.
        known_until: Last target day; rows with later target days are excluded.
        horizon_days: Number of target days after each origin.
        params: Half-lives and windows, in days.
        rows_share: Approximate share of rows to keep, to save time and memory; every call keeps the
            same rows.
        progress: Function that receives a message after each origin.

    Returns:
        The columns of :func:`scoring_panel` without ``is_open``, and ``sales`` in EUR. It has only
        rows for days with sales, sorted by origin, store and day.
    """
    plan = plan_features(inputs.plan, inputs.stores)
    actual = inputs.sales.until(known_until)
    parts = []
    linear_by_origin = linear_forecasts(inputs.sales, inputs.plan, inputs.stores, sorted(origins))
    for done, linear in enumerate(linear_by_origin, start=1):
        origin = linear.forecast_origin
        sales = _targets(actual, origin, horizon_days)
        rows = (sales > 0) & _chosen(inputs.stores, origin, horizon_days, rows_share)
        of_horizon = _horizon(plan, inputs.plan.column(origin), horizon_days)
        panel = _panel_of_origin(inputs, of_horizon, linear, rows, params)
        parts.append(panel.with_columns(sales=pl.Series(sales[rows])))
        progress(f"features of origin {origin}, {done} of {len(origins)}")
    return pl.concat(parts)


def training_origins(
    newest: date, *, first_day: date, step_days: int, count: int, min_history_days: int
) -> list[date]:
    """Choose the training origins, in equal steps back from the newest origin.

    Args:
        newest: Origin of the forecast for which a model is trained. The last training origin is
            ``step_days`` earlier.
        first_day: First day with sales.
        step_days: Number of days between origins.
        count: Largest number of origins.
        min_history_days: Smallest number of days from ``first_day`` to a training origin.

    Returns:
        Training origins, oldest first; empty if there is too little history.
    """
    candidates = (newest - timedelta(days=step_days * number) for number in range(1, count + 1))
    oldest = first_day + timedelta(days=min_history_days)
    return sorted(origin for origin in candidates if origin >= oldest)


def _targets(actual: SalesGrid, origin: date, horizon_days: int) -> FloatArray:
    """Return the sales on the days after an origin, which models learn to forecast.

    Args:
        actual: Sales up to the last day that may be learned from.
        origin: Forecast origin.
        horizon_days: Number of days after the origin.

    Returns:
        Sales in EUR, shape (stores, horizon_days); NaN on store-days without a row and on days
        after the last day of ``actual``.
    """
    start = (origin - actual.first_date).days + 1
    sales = actual.sales[:, start : start + horizon_days]
    return np.pad(sales, ((0, 0), (0, horizon_days - sales.shape[1])), constant_values=np.nan)


def _chosen(stores: StoreGrid, origin: date, horizon_days: int, share: float) -> BoolArray:
    """Choose an evenly spread share of the store-days after an origin for the training panel.

    The choice is the same each time, because it depends only on store number, origin and day.

    Returns:
        Whether each store-day is chosen, shape (stores, horizon_days).
    """
    # 1000 consecutive multiples of a prime have each remainder of a division by 1000 once. Each
    # day of an origin shifts the choice by 31 days, so that origins choose different target days.
    store = stores.store_ids[:, None] * 7919
    day = (origin.toordinal() * 31 + np.arange(horizon_days)[None, :]) * 104729
    return np.asarray((store + day) % 1000 < share * 1000)


def _horizon(
    plan: dict[str, Float32Array], origin_column: int, horizon_days: int
) -> dict[str, Float32Array]:
    """Select the days after an origin from the arrays of plan features.

    Args:
        plan: Result of :func:`rossmann_ml.features.plan.plan_features`.
        origin_column: Column number of the origin in arrays with one column per day.
        horizon_days: Number of days after the origin.

    Returns:
        Array by feature name, with one column per day after the origin. An array that has one
        column for all days is returned unchanged.
    """
    return {name: days_of(values, origin_column + 1, horizon_days) for name, values in plan.items()}


def _panel_of_origin(
    inputs: FeatureInputs,
    plan: dict[str, Float32Array],
    linear: LinearForecast,
    rows: BoolArray,
    params: FeatureParams,
) -> pl.DataFrame:
    """Build the panel for one origin: compute history features and add the plan features.

    Args:
        inputs: Stores, sales and plan.
        plan: Array by name of plan feature, for the days after the origin.
        linear: Linear forecast fitted on sales up to the origin.
        rows: Whether the panel has a row for the store-day, shape (stores, horizon_days).
        params: Half-lives and windows, in days.

    Returns:
        Columns of :func:`scoring_panel` without ``is_open``.
    """
    stores, (count, horizon_days) = inputs.stores, rows.shape
    history = history_features(
        inputs.sales, inputs.plan, stores, linear, horizon_days=horizon_days, params=params
    )

    def flat(values: np.ndarray) -> np.ndarray:
        return np.broadcast_to(values, rows.shape)[rows]

    horizon = np.arange(1, horizon_days + 1, dtype=np.int32)
    days = np.datetime64(linear.forecast_origin, "D") + horizon
    store = flat(np.arange(count)[:, None])
    columns = {name: flat(values) for name, values in {**plan, **history}.items()}
    return pl.DataFrame(columns).select(
        pl.lit(linear.forecast_origin, dtype=pl.Date).alias("forecast_origin"),
        pl.Series("store_id", stores.store_ids[store].astype(np.int32)),
        pl.Series("target_date", flat(days[None, :])),
        pl.Series("horizon_days", flat(horizon[None, :])),
        *plan,
        *(stores.attributes[name].gather(store) for name in STORE_FEATURES),
        *history,
    )
