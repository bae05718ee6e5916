"""Panels: feature tables with one row per (forecast origin, store, target day).

Belongs here: putting plan and history features of one or many origins side by side, as models take
them, and choosing training origins. One function makes the panel of an origin, for training,
scoring and backtests alike.
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
    concatenate,
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
"""Text features with their meanings; each model has its own codes for them."""


def categorical_features() -> list[str]:
    """Return the features without an order, which models must not read as numbers."""
    return [*(name for group in plan_groups() for name in group.categorical), *STORE_FEATURES]


def feature_names(params: FeatureParams) -> list[str]:
    """Every feature of a panel, in the order of its columns.

    Raises:
        ValueError: Two groups compute a feature of the same name.
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
    """What features are made of, as arrays over the same stores.

    Attributes:
        stores: The stores, in the row order of the grids.
        sales: Sales as they came true, as far as is known.
        plan: Past and future plan, a few weeks past the horizon.
    """

    stores: StoreGrid
    sales: SalesGrid
    plan: PlanGrid

    @classmethod
    def from_frames(
        cls, *, history: pl.DataFrame, plan: pl.DataFrame, stores: pl.DataFrame
    ) -> FeatureInputs:
        """Build the arrays from the tables that :mod:`rossmann_ml.features.inputs` reads."""
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
    """Make the panel of one origin: every store, every day of the horizon, open or not.

    Args:
        inputs: Stores, sales and plan; sales after the origin are not looked at.
        forecast_origin: The last day whose sales are known.
        horizon_days: How many days after it.
        params: Half-lives and windows.
        linear: The linear forecast as of that origin; made anew without it.

    Returns:
        ``forecast_origin, store_id, target_date, horizon_days, is_open`` and the features, sorted
        by store and day; features are 32-bit floats, NaN where unknown, but for the
        text of ``STORE_FEATURES``.
    """
    if linear is None:
        (linear,) = linear_forecasts(inputs.sales, inputs.plan, inputs.stores, [forecast_origin])
    # no plan feature looks further back, so the years before need not be worked out
    near = inputs.plan.since(forecast_origin - timedelta(days=look_back_days()))
    return _panel_of_origin(
        inputs,
        plan_features(near, inputs.stores),
        linear,
        first_column=near.column(forecast_origin) + 1,
        forecast_origin=forecast_origin,
        horizon_days=horizon_days,
        params=params,
        rows=None,
    ).with_columns(_is_open(inputs, forecast_origin, horizon_days))


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
    """Make the panel of many past origins, with what then came true.

    Args:
        inputs: Stores, sales and plan.
        origins: The origins, each with its features as of that day.
        known_until: Rows whose target day is later are left out.
        horizon_days: How many days after each origin.
        params: Half-lives and windows.
        rows_share: Keep about this share of the rows, the same ones every time.
        progress: Told how many origins are done.

    Returns:
        The columns of :func:`scoring_panel` without ``is_open``, and ``sales``: only open days
        with sales, sorted by origin, store and day.
    """
    plan = plan_features(inputs.plan, inputs.stores)
    actual = inputs.sales.until(known_until)
    parts = []
    linear_by_origin = linear_forecasts(inputs.sales, inputs.plan, inputs.stores, sorted(origins))
    for done, linear in enumerate(linear_by_origin, start=1):
        origin = linear.forecast_origin
        sales = _targets(actual, origin, horizon_days)
        rows = (sales > 0) & _chosen(inputs.stores, origin, horizon_days, rows_share)
        panel = _panel_of_origin(
            inputs,
            plan,
            linear,
            first_column=inputs.plan.column(origin) + 1,
            forecast_origin=origin,
            horizon_days=horizon_days,
            params=params,
            rows=rows,
        )
        parts.append(panel.with_columns(sales=pl.Series(sales[rows])))
        progress(f"features of origin {origin}, {done} of {len(origins)}")
    return concatenate(parts)


def training_origins(
    newest: date, *, first_day: date, step_days: int, count: int, min_history_days: int
) -> list[date]:
    """Origins for training, counted back from the newest one, oldest first.

    Args:
        newest: The origin that will be scored; the first training origin is ``step_days`` earlier.
        first_day: The first day with sales.
        step_days: Days between origins.
        count: How many at most.
        min_history_days: Days of history that the oldest origin must have.
    """
    candidates = (newest - timedelta(days=step_days * number) for number in range(1, count + 1))
    oldest = first_day + timedelta(days=min_history_days)
    return sorted(origin for origin in candidates if origin >= oldest)


def _targets(actual: SalesGrid, origin: date, horizon_days: int) -> FloatArray:
    """Sales of the days after an origin, NaN where they are not known."""
    start = (origin - actual.first_date).days + 1
    sales = actual.sales[:, start : start + horizon_days]
    return np.pad(sales, ((0, 0), (0, horizon_days - sales.shape[1])), constant_values=np.nan)


def _chosen(stores: StoreGrid, origin: date, horizon_days: int, share: float) -> BoolArray:
    """A fixed, evenly spread choice of store-days: it depends on nothing but the row's key."""
    # Store numbers and days times a prime: any 1000 in sequence have every remainder by 1000 once.
    # Origins are 31 days of the horizon apart, so that one target day is not chosen in all of them.
    store = stores.store_ids[:, None] * 7919
    day = (origin.toordinal() * 31 + np.arange(horizon_days)[None, :]) * 104729
    return np.asarray((store + day) % 1000 < share * 1000)


def _is_open(inputs: FeatureInputs, origin: date, horizon_days: int) -> pl.Series:
    start = inputs.plan.column(origin) + 1
    is_open = inputs.plan.is_open[:, start : start + horizon_days]
    return pl.Series("is_open", is_open.reshape(-1))


def _panel_of_origin(
    inputs: FeatureInputs,
    plan: dict[str, Float32Array],
    linear: LinearForecast,
    *,
    first_column: int,
    forecast_origin: date,
    horizon_days: int,
    params: FeatureParams,
    rows: BoolArray | None,
) -> pl.DataFrame:
    stores, shape = inputs.stores, (len(inputs.stores.store_ids), horizon_days)
    history = history_features(
        inputs.sales, inputs.plan, stores,
        forecast_origin=forecast_origin, horizon_days=horizon_days, params=params,
        linear=linear,
    )  # fmt: skip

    def flat(values: np.ndarray) -> np.ndarray:
        full = np.broadcast_to(values, shape)
        return full.reshape(-1) if rows is None else full[rows]

    horizon = np.arange(1, horizon_days + 1, dtype=np.int32)
    first = np.datetime64(forecast_origin + timedelta(days=1), "D")
    columns: dict[str, np.ndarray] = {
        "store_id": flat(stores.store_ids.astype(np.int32)[:, None]),
        "target_date": flat((first + np.arange(horizon_days))[None, :]),
        "horizon_days": flat(horizon[None, :]),
    }
    columns |= {
        name: flat(days_of(values, first_column, horizon_days)) for name, values in plan.items()
    }
    columns |= {name: flat(values) for name, values in history.items()}
    store = flat(np.arange(shape[0])[:, None])
    return pl.DataFrame(columns).select(
        pl.lit(forecast_origin, dtype=pl.Date).alias("forecast_origin"),
        *("store_id", "target_date", "horizon_days", *plan),
        *(stores.attributes[name].gather(store) for name in STORE_FEATURES),
        *history,
    )
