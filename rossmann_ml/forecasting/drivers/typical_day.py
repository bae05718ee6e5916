"""Compute the typical day of each store, with which forecast days are compared to explain them.

It is an ordinary Wednesday: no promotion, no school holiday, no state holiday within a week. Its
season is that of the 364 days up to the origin: their mean in the linear forecast, the median of
their Wednesdays in the plan features. :class:`TypicalDay` holds the usual plan features, and by how
much the linear forecast differs on other days. :mod:`rossmann_ml.forecasting.drivers.attribution`
sets the other features (residuals of 0; median distance of the nearest competitor in the chain, and
median months since it opened), and computes the contributions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from rossmann_ml.features.driver_groups import GROUPS, feature_groups
from rossmann_ml.features.grid import (
    BoolArray,
    Float32Array,
    FloatArray,
    IntArray,
    PlanGrid,
    StoreGrid,
    days_of,
)
from rossmann_ml.features.linear import LinearForecast, linear_forecasts
from rossmann_ml.features.panel import FeatureInputs
from rossmann_ml.features.plan import look_back_days, plan_feature_names, plan_features
from rossmann_ml.features.residuals import YEAR_DAYS

WEDNESDAY = 2
_HOLIDAY_NEARBY_DAYS = 7
# Groups whose features depend on the day of the week, because shops close on Sundays and
# promotions start on Mondays: an ordinary Saturday has other values than an ordinary Wednesday.
WEEKDAY_BOUND = ("promo", "holidays")


@dataclass(frozen=True)
class TypicalDay:
    """Typical days of all stores, computed from data up to a forecast origin.

    Attributes:
        forecast_origin: Last day whose sales are used.
        stores: Stores, in the row order of the arrays.
        features: Usual values of each feature that is computed from the plan, by feature name, each
            of shape (stores, 7): one column per weekday, Monday first.
        own: Log units that a driver group adds to the store's linear forecast for each target day,
            compared with the typical day; by group, each of shape (stores, horizon_days).
        chain: The same for the linear forecast with the coefficients of the whole chain; `own` is
            for that with each store's coefficients.
    """

    forecast_origin: date
    stores: StoreGrid
    features: dict[str, Float32Array]
    own: dict[str, FloatArray]
    chain: dict[str, FloatArray]

    @classmethod
    def of(cls, inputs: FeatureInputs, *, forecast_origin: date, horizon_days: int) -> TypicalDay:
        """Compute the typical days of all stores from data up to an origin.

        Args:
            inputs: Stores, sales and plan; sales after the origin are ignored.
            forecast_origin: Last day whose sales are used.
            horizon_days: Number of target days after the origin that are compared with the typical
                day.
        """
        (linear,) = linear_forecasts(inputs.sales, inputs.plan, inputs.stores, [forecast_origin])
        first = inputs.plan.column(forecast_origin) + 1
        return cls(
            forecast_origin,
            inputs.stores,
            _typical_plan_features(inputs, forecast_origin),
            *(
                _linear_parts(linear, coefficients, first, first + horizon_days)
                for coefficients in (linear.coefficients, linear.chain_coefficients)
            ),
        )

    def rows_of(self, panel: pl.DataFrame) -> tuple[IntArray, IntArray]:
        """Look up the positions of a panel's rows in the arrays ``own`` and ``chain``.

        Args:
            panel: Rows with ``forecast_origin, store_id, horizon_days``.

        Returns:
            Row number (of the store) and column number (of the target day) in those arrays, both of
            shape (rows of the panel,).

        Raises:
            ValueError: The panel has another origin, or a store that is not in ``stores``.
        """
        origins = panel["forecast_origin"].unique().to_list()
        if origins != [self.forecast_origin]:
            raise ValueError(f"a panel of {origins} does not fit {self.forecast_origin}")
        return (
            self.stores.positions(panel["store_id"]),
            panel["horizon_days"].cast(pl.Int64).to_numpy() - 1,
        )


def _linear_parts(
    linear: LinearForecast, coefficients: Float32Array, first: int, last: int
) -> dict[str, FloatArray]:
    """Split the linear forecast's difference between target days and typical day by driver group.

    Each column (regressor) of the linear forecast belongs to one driver group. A group's part is
    the sum of its columns times their coefficients, minus the same sum on the typical day.

    Args:
        linear: Linear forecast whose columns are used.
        coefficients: Coefficients of each store, shape (stores, columns), or of the chain, shape
            (1, columns).
        first: Number of the first target day; the first day of ``linear.design`` has number 0.
        last: Number of the day after the last target day.

    Returns:
        Differences in log units by driver group, each of shape (stores, target days).
    """
    design = linear.design
    groups = np.array(design.causes)
    weekday_of_first = (design.first_date + timedelta(days=first)).weekday()
    wednesday = first + (WEDNESDAY - weekday_of_first) % 7
    # the mean over the year up to the origin, or over a shorter history
    typical_days = {
        "weekday": (wednesday, wednesday + 1),
        "season": (max(first - YEAR_DAYS, 0), first),
        "trend": (max(first - YEAR_DAYS, 0), first),
    }
    parts = {}
    for group in GROUPS:
        own = np.where(groups == group, coefficients, np.float32(0))
        part = design.combine(own, first, last).astype(np.float64)
        if group in typical_days:  # the columns of other groups are 0 on the typical day
            typical = design.combine(own, *typical_days[group]).astype(np.float64)
            part -= typical.mean(axis=1, keepdims=True)
        parts[group] = part
    return parts


def _typical_plan_features(inputs: FeatureInputs, forecast_origin: date) -> dict[str, Float32Array]:
    """Compute each store's usual value of every feature that is computed from the plan, by weekday.

    The usual value is the lower median, see :func:`_median_by_weekday`, over the 52 weeks up to the
    origin, or over the whole weeks of a shorter plan. For features of the groups ``promo`` and
    ``holidays``, only ordinary days count: open, without promotion and school holiday, and more
    than seven days from a state holiday. For other features, all days count, also closed ones.

    Args:
        inputs: Stores, sales and plan.
        forecast_origin: Last day of the 52 weeks.

    Returns:
        Values by feature name, each of shape (stores, 7), Monday first.
    """
    days = min(YEAR_DAYS, inputs.plan.column(forecast_origin) + 1) // 7 * 7
    first = forecast_origin - timedelta(days=days - 1)
    near = inputs.plan.since(first - timedelta(days=look_back_days()))
    values = plan_features(near, inputs.stores)
    start = near.column(first)
    of_year = {name: days_of(array, start, days) for name, array in values.items()}
    shape = (len(inputs.stores.store_ids), days)
    ordinary = _ordinary(near, of_year, slice(start, start + days))
    group_of = feature_groups(plan_feature_names())
    return {
        name: np.roll(
            _median_by_weekday(
                np.broadcast_to(array, shape),
                # features of other groups have the median of all days
                ordinary if group_of[name] in WEEKDAY_BOUND else np.ones(shape, np.bool_),
            ),
            first.weekday(),  # Monday first
            axis=1,
        )
        for name, array in of_year.items()
    }


def _ordinary(plan: PlanGrid, features: dict[str, Float32Array], days: slice) -> BoolArray:
    near_holiday = np.minimum(
        features["days_since_state_holiday"], features["days_until_state_holiday"]
    )
    ordinary = plan.is_open[:, days] & ~plan.is_promo[:, days] & ~plan.is_school_holiday[:, days]
    return np.asarray(ordinary & (near_holiday > _HOLIDAY_NEARBY_DAYS))


def _median_by_weekday(values: Float32Array, ordinary: BoolArray) -> Float32Array:
    """Compute the median of a feature for each store and weekday, over ordinary days.

    A store that has no ordinary day on a weekday gets the chain's median for that weekday. A
    weekday without ordinary days in any store (usually Sunday) gets the median over all ordinary
    days; if there is no ordinary day at all, the median over all days. All are lower medians, see
    :func:`_lower_median`.

    Args:
        values: Values of the feature by day, shape (stores, days); days fill whole weeks.
        ordinary: Whether each store-day is ordinary, shape (stores, days).

    Returns:
        Medians, shape (stores, 7); column 0 is the weekday of the first day.
    """
    stores, days = values.shape
    weeks = np.where(ordinary, values, np.nan).reshape(stores, days // 7, 7)
    own = _lower_median(weeks.transpose(0, 2, 1))
    of_chain = _lower_median(weeks.reshape(-1, 7).T)
    of_all = _lower_median(weeks.reshape(1, -1))
    if np.isnan(of_all).any():
        of_all = _lower_median(np.asarray(values, np.float32).reshape(1, -1))
    of_chain = np.where(np.isnan(of_chain), of_all, of_chain)
    return np.where(np.isnan(own), of_chain[None, :], own)


def _lower_median(values: Float32Array) -> Float32Array:
    """Compute the median over the last axis, but never the mean of the two middle values.

    For an even number of values, the result is the smaller one of the two, so that it is a value
    that occurs (such as 0 or 1). NaN values are ignored; the result is NaN if all values are NaN.
    """
    ordered = np.sort(values, axis=-1)  # NaN come last
    count = np.sum(~np.isnan(values), axis=-1, keepdims=True)
    middle = (count - 1) // 2  # -1 if the count is 0: the last value, a NaN
    return np.asarray(np.take_along_axis(ordered, middle, axis=-1)[..., 0], dtype=np.float32)
