"""Forecast a changed plan with a generation's model, in the same way as the weekly job.

:class:`Scenarios` converts changes of promotions, openings and holidays to features and forecasts.
See :mod:`rossmann_ml.serving.prepared_origin` for the inputs that do not depend on the plan.
Forecasts are not stored. See ``app/api/routers/predict.py`` for requests and responses of the API.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rossmann_ml.base.errors import NoDataError, ScenarioError
from rossmann_ml.base.params import FeatureParams
from rossmann_ml.features.grid import (
    STATE_HOLIDAY_CODES,
    IntArray,
    PlanGrid,
    days_of,
)
from rossmann_ml.features.history import expectations
from rossmann_ml.features.plan import plan_features
from rossmann_ml.serving.generations import read_info, reading
from rossmann_ml.serving.prepared_origin import PreparedOrigin, prepare_origin
from rossmann_ml.serving.what_if_totals import ScenarioTotals

if TYPE_CHECKING:
    from rossmann_ml.models.bundle import Bundle

_HOLIDAY_NAMES = {code: name for name, code in STATE_HOLIDAY_CODES.items()}


@dataclass(frozen=True)
class PlanChange:
    """Change of the plan on some days.

    ``is_open``, ``is_promo``, ``state_holiday`` and ``is_school_holiday`` are the new values; an
    attribute that is None leaves the published value.

    Attributes:
        first_date: First day that changes.
        last_date: Last day that changes.
        is_open: Whether the stores open.
        is_promo: Whether a promotion runs.
        state_holiday: ``0`` none, ``a`` public holiday, ``b`` Easter, ``c`` Christmas.
        is_school_holiday: Whether school holidays affect the stores.
        store_ids: Stores with this change; None means all stores in the request.
    """

    first_date: date
    last_date: date
    is_open: bool | None = None
    is_promo: bool | None = None
    state_holiday: str | None = None
    is_school_holiday: bool | None = None
    store_ids: tuple[int, ...] | None = None


class Scenarios:
    """Model and prepared inputs to forecast changed plans from a generation's newest origin.

    Attributes:
        forecast_origin: Last day whose sales are known.
        horizon_days: Number of days after the origin that have forecasts.
        model_version: Model that forecasts; it also made the published forecasts.
        totals: Adds up forecasts of scenarios to unbiased totals.
    """

    def __init__(self, origin: PreparedOrigin, bundle: Bundle, *, horizon_days: int) -> None:
        self._origin = origin
        self._bundle = bundle
        self.model_version = bundle.model_version
        self.forecast_origin = origin.linear.forecast_origin
        self.horizon_days = horizon_days
        self.totals = ScenarioTotals.of(bundle.total_calibration, origin)

    @classmethod
    def load(
        cls,
        generation: Path,
        models_folder: Path,
        *,
        threads: int,
    ) -> Scenarios:
        """Load a generation's model, and prepare its inputs from the generation's file.

        This takes a second or two for a thousand stores.

        Args:
            generation: Path of the generation's file.
            models_folder: Folder ``models`` next to that file.
            threads: Number of threads with which the model forecasts.

        Raises:
            NoDataError: The forecasts from the generation's newest origin are not from exactly one
                model, or a file of the model is missing.
        """
        # imported here because these libraries load for seconds, and preparing needs none of them
        from rossmann_ml.models.bundle import Bundle  # noqa: PLC0415

        with reading(generation) as connection:
            info = read_info(connection)
            versions = connection.execute(
                "SELECT DISTINCT model_version FROM latest_forecasts"
            ).fetchall()
        if len(versions) != 1:
            raise NoDataError(
                f"the newest forecasts of generation {info.generation_id} come from "
                f"{len(versions)} models, expected one"
            )
        bundle = Bundle.load(models_folder, versions[0][0], threads=threads)
        params = FeatureParams.model_validate(bundle.metadata.feature_params)
        origin = prepare_origin(generation, params)
        return cls(origin, bundle, horizon_days=info.horizon_days)

    @property
    def first_date(self) -> date:
        """First day of the horizon."""
        return self.forecast_origin + timedelta(days=1)

    @property
    def last_date(self) -> date:
        """Last day of the horizon."""
        return self.forecast_origin + timedelta(days=self.horizon_days)

    def score(
        self,
        store_ids: Sequence[int] | None,
        changes: Sequence[PlanChange] = (),
        *,
        first_date: date | None = None,
        last_date: date | None = None,
    ) -> pl.DataFrame:
        """Forecast a changed plan; without changes the forecasts equal the stored ones.

        Later changes override earlier ones. A change also affects forecasts for the days around
        it, such as the days before and after a promotion.

        Args:
            store_ids: Stores to forecast; None means all stores with a forecast.
            changes: Changes of the published plan.
            first_date: First target day to return; None means the day after the origin.
            last_date: Last target day to return; None means the end of the horizon.

        Returns:
            ``store_id, target_date, horizon_days, is_open, is_promo, state_holiday,
            is_school_holiday, plan_source, is_changed, sales_forecast, lower_80, upper_80,
            lower_95, upper_95, sales_median, error_scale, stored_forecast, difference``, one row
            per store and day, sorted by store, then day. Forecasts, bounds, median and difference
            are in EUR. See :mod:`rossmann_ml.serving.quantiles` for quantiles of other levels.
            ``is_changed`` is true if the plan of the day differs from the published plan.
            ``difference`` is forecast minus stored forecast; NULL if no forecast is stored.

        Raises:
            ScenarioError: A store is unknown or has no forecast, a change names a store that is not
                forecast, or a day is outside the horizon.
        """
        first = self._inside(first_date or self.first_date)
        last = self._inside(last_date or self.last_date)
        rows = self._rows(store_ids)
        given = self._origin.near_plan.of_stores(rows)
        plan = self._changed(given, rows, changes)
        panel = self._panel(rows, plan)
        forecasts = self._bundle.forecast(panel, self._origin.mean_departures)
        answer = self._with_stored(forecasts, rows, given=given, plan=plan)
        return answer.filter(pl.col("target_date").is_between(first, last))

    def _rows(self, store_ids: Sequence[int] | None) -> IntArray:
        known = self._origin.stores.store_ids
        has_plan = self._origin.has_plan
        if store_ids is None:
            return np.flatnonzero(has_plan)
        asked = np.unique(np.asarray(store_ids, dtype=np.int64))
        unknown = np.setdiff1d(asked, known)
        if len(unknown):
            raise ScenarioError("unknown-store", f"There is no store {_listed(unknown)}.")
        rows = np.searchsorted(known, asked)
        if not has_plan[rows].all():
            raise ScenarioError(
                "store-not-forecast",
                f"Store {_listed(asked[~has_plan[rows]])} has no plan and no forecast from "
                f"{self.forecast_origin}.",
            )
        return rows

    def _inside(self, day: date) -> date:
        if not self.first_date <= day <= self.last_date:
            raise ScenarioError(
                "date-outside-horizon",
                f"{day} is outside the horizon; choose a day from {self.first_date} to "
                f"{self.last_date}.",
            )
        return day

    def _changed(self, given: PlanGrid, rows: IntArray, changes: Sequence[PlanChange]) -> PlanGrid:
        plan = given.of_stores(np.arange(len(rows)))  # a copy
        asked = self._origin.stores.store_ids[rows]
        for change in changes:
            first, last = self._inside(change.first_date), self._inside(change.last_date)
            days = slice(plan.column(first), plan.column(last) + 1)
            chosen = np.ones(len(rows), np.bool_)
            if change.store_ids is not None:
                others = np.setdiff1d(change.store_ids, asked)
                if len(others):
                    raise ScenarioError(
                        "unknown-store",
                        f"A change names store {_listed(others)}, which is not in the question.",
                    )
                chosen = np.isin(asked, change.store_ids)
            for name in ("is_open", "is_promo", "is_school_holiday"):
                value = getattr(change, name)
                if value is not None:
                    getattr(plan, name)[chosen, days] = value
            if change.state_holiday is not None:
                plan.state_holiday[chosen, days] = STATE_HOLIDAY_CODES[change.state_holiday]
        return plan

    def _panel(self, rows: IntArray, plan: PlanGrid) -> pl.DataFrame:
        """Build the feature table of some stores under a changed plan.

        Args:
            rows: Row number of each of these stores in the arrays of :class:`PreparedOrigin`.
            plan: Changed plan of these stores, for the days of ``PreparedOrigin.near_plan``.
        """
        origin, days = self._origin, self.horizon_days
        # over all stores as in the weekly job, because products of fewer rows may round differently
        linear = replace(origin.linear, design=origin.linear.design.replanned(rows, plan))
        near = origin.near_plan
        promo = near.is_promo.copy()
        promo[rows] = plan.is_promo
        expected = expectations(
            linear,
            origin.past,
            replace(near, is_promo=promo),
            horizon_days=days,
        )
        start = plan.column(self.first_date)
        shape = (len(rows), days)
        columns: dict[str, np.ndarray] = {
            name: np.broadcast_to(days_of(values, start, days), shape)
            for name, values in plan_features(plan, origin.stores.of_stores(rows)).items()
        }
        columns |= {
            name: np.broadcast_to(values, (len(near.is_open), days))[rows].astype(np.float32)
            for name, values in expected.items()
        }
        columns["is_open"] = plan.is_open[:, start : start + days]
        return origin.panel[(rows[:, None] * days + np.arange(days)).ravel()].with_columns(
            pl.Series(name, values.ravel()) for name, values in columns.items()
        )

    def _with_stored(
        self, forecasts: pl.DataFrame, rows: IntArray, *, given: PlanGrid, plan: PlanGrid
    ) -> pl.DataFrame:
        start = plan.column(self.first_date)
        days = slice(start, start + self.horizon_days)
        names = ("is_promo", "state_holiday", "is_school_holiday")
        parts = {name: getattr(plan, name)[:, days].ravel() for name in names}
        is_changed = np.zeros((len(rows), self.horizon_days), np.bool_)
        for name in ("is_open", *names):
            is_changed |= getattr(plan, name)[:, days] != getattr(given, name)[:, days]
        stored = pl.Series("stored_forecast", self._origin.stored[rows].ravel())
        source = self._origin.plan_source[rows].ravel()
        return forecasts.with_columns(
            *(pl.Series(name, values) for name, values in parts.items()),
            pl.Series("is_changed", is_changed.ravel()),
            pl.Series("plan_source", source, pl.String),
            stored.fill_nan(None),
        ).select(
            *("store_id", "target_date", "horizon_days", "is_open", "is_promo"),
            pl.col("state_holiday").replace_strict(_HOLIDAY_NAMES, return_dtype=pl.String),
            *("is_school_holiday", "plan_source", "is_changed", "sales_forecast"),
            *("lower_80", "upper_80", "lower_95", "upper_95", "sales_median", "error_scale"),
            "stored_forecast",
            difference=pl.col("sales_forecast") - pl.col("stored_forecast"),
        )


def _listed(store_ids: IntArray) -> str:
    shown = ", ".join(str(store) for store in store_ids[:5])
    return f"{shown} and {len(store_ids) - 5} more" if len(store_ids) > 5 else shown
