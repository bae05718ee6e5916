"""Compute once per generation what forecasts of changed plans need and no plan change alters.

Entry point: :func:`prepare_origin`. See :mod:`rossmann_ml.serving.what_if` for the forecasts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from rossmann_ml.base.params import FeatureParams
from rossmann_ml.features.grid import BoolArray, FloatArray, PlanGrid, StoreGrid
from rossmann_ml.features.inputs import read_published_inputs
from rossmann_ml.features.linear import LinearForecast, linear_forecasts
from rossmann_ml.features.panel import scoring_panel
from rossmann_ml.features.plan import look_back_days
from rossmann_ml.features.residuals import Past, as_of_origin
from rossmann_ml.serving.generations import read_info, reading
from rossmann_ml.warehouse.connection import read_frame


@dataclass(frozen=True)
class PreparedOrigin:
    """Inputs for all stores that stay the same whatever plan change is requested.

    Attributes:
        panel: Feature table made from the published plan: one row per store and target day,
            sorted by store, then day.
        near_plan: Published plan of all stores, from the earliest past day whose plan a feature
            uses to the last planned day.
        linear: Linear forecast fitted on sales up to the origin; its ``design`` has the target days
            only.
        past: Residuals and cell means computed from sales up to the origin. The arrays
            ``is_promo``, ``observed`` and ``residuals`` are empty, because a forecast of a changed
            plan does not use them.
        stores: All stores, in the row order of the arrays.
        plan_source: Where the plan comes from (``planned``, ``actual``, ``assumed``
            or ``not_selling``), shape
            (stores, target days); None if a store has no plan.
        stored: Published forecasts in EUR, shape (stores, target days); NaN if none is stored.
        mean_departures: Published mean departure of each target day, which forecasts subtract, see
            :meth:`rossmann_ml.models.blend.Blend.to_subtract`.
    """

    panel: pl.DataFrame
    near_plan: PlanGrid
    linear: LinearForecast
    past: Past
    stores: StoreGrid
    plan_source: np.ndarray
    stored: FloatArray
    mean_departures: pl.DataFrame

    @property
    def has_plan(self) -> BoolArray:
        """Whether each store has a plan, and so a forecast, shape (stores,)."""
        return np.array([source is not None for source in self.plan_source[:, 0]])


def prepare_origin(generation: Path, params: FeatureParams) -> PreparedOrigin:
    """Prepare, for all stores, the inputs that stay the same whatever plan change is requested.

    Args:
        generation: Path of the generation's file.
        params: Half-lives and windows of features that the model was trained with.
    """
    with reading(generation) as connection:
        info = read_info(connection)
        inputs = read_published_inputs(
            connection, forecast_origin=info.forecast_origin, horizon_days=info.horizon_days
        )
        stored = read_frame(
            connection,
            "SELECT store_id, target_date, sales_forecast FROM latest_forecasts",
        )
        means = read_frame(
            connection,
            "SELECT forecast_origin, target_date, mean_departure FROM mean_departures "
            "WHERE forecast_origin = ?",
            [info.forecast_origin],
        )
    features, origin, days = inputs.features, info.forecast_origin, info.horizon_days
    (linear,) = linear_forecasts(features.sales, features.plan, features.stores, [origin])
    panel = scoring_panel(
        features, forecast_origin=origin, horizon_days=days, params=params, linear=linear
    )
    keys = panel.select("store_id", "target_date")
    as_read = keys.join(
        inputs.horizon_plan, on=["store_id", "target_date"], how="left", maintain_order="left"
    ).join(stored, on=["store_id", "target_date"], how="left", maintain_order="left")
    past = as_of_origin(features.sales, features.plan, features.stores, linear, params)
    shape = (len(features.stores.store_ids), days)
    no_days = np.zeros((len(features.stores.store_ids), 0))
    no_flags = no_days.astype(np.bool_)
    start = features.plan.column(origin) + 1
    return PreparedOrigin(
        panel=panel,
        near_plan=features.plan.since(origin - timedelta(days=look_back_days())),
        linear=replace(linear, design=linear.design.span(start, start + days)),
        past=replace(past, is_promo=no_flags, observed=no_flags, residuals=no_days),
        stores=features.stores,
        plan_source=np.array(as_read["plan_source"].to_list(), dtype=object).reshape(shape),
        stored=as_read["sales_forecast"].fill_null(np.nan).to_numpy().reshape(shape),
        mean_departures=means,
    )
