"""Plan features: what is known in advance about a store-day.

Belongs here: everything computed from the calendar, promotions, holidays, opening and store
attributes. Never sales: those are in :mod:`rossmann_ml.features.history`.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from dateutil.easter import easter

from rossmann_ml.features.calendar import (
    days_from_mothers_day,
    days_to_month_end,
    working_days_after,
    working_days_before,
)
from rossmann_ml.features.grid import (
    Float32Array,
    FloatArray,
    PlanGrid,
    StoreGrid,
    days_between_runs,
    days_since,
    days_until,
    weekdays,
    windowed_sum,
)

# Beyond this many days nothing shows in sales, and the plan after the horizon is filled by rule.
# A closure of this many days is a long one.
_LOOK_DAYS = 14
# How far back a long closure, and the first day of a promotion that still runs, are looked for.
_LONG_LOOK_DAYS = 60
LOOK_BACK_DAYS = _LONG_LOOK_DAYS + _LOOK_DAYS
"""No plan feature of a day looks further back than this."""
# Days after Easter Sunday that are told apart: three weeks before it to Corpus Christi's weekend.
_DAYS_AROUND_EASTER = (-21, 62)
# Days about Mother's Day that are told apart: a week to either side.
_DAYS_AROUND_MOTHERS_DAY = 7
# A competitor older than this is one that was always there.
_COMPETITION_LOOK_MONTHS = 36
_MONTH_DAYS = 365.25 / 12
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

PLAN_FEATURES: dict[str, str] = {
    "day_of_week": "1 is Monday",
    "day_of_month": "1 to 31",
    "days_to_month_end": "0 on the last day of the month",
    "working_days_before": "working days of the month before the day",
    "working_days_after": "working days of the month after the day",
    "month": "1 to 12",
    "day_of_year": "1 to 366",
    "days_from_easter": "days after Easter Sunday, negative before; -22 or 63 when further off",
    "days_from_mothers_day": "days after Mother's Day, negative before; -8 or 8 when further off",
    "is_promo": "the store runs a promotion",
    "promo_day_number": "days since the running promotion's first day, at most 13; -1 without one",
    "days_to_promo_end": "days until the running promotion's last day, at most 13; -1 without one",
    "days_since_promo": "days since the last promotion day, at most 14",
    "days_until_promo": "days until the next promotion day, at most 14",
    "days_between_promos": "days between the running promotion and the one before, at most 14, "
    "as also from the running one's 60th day on; -1 without one",
    "promo_days_last_week": "promotion days among the 7 days before",
    "promo_days_next_week": "promotion days among the 7 days after",
    "state_holiday": "0 none, 1 public, 2 Easter, 3 Christmas",
    "days_since_state_holiday": "days since the last state holiday, at most 14",
    "days_until_state_holiday": "days until the next state holiday, at most 14",
    "next_state_holiday": "kind of the next state holiday less than 14 days off, 0 when none",
    "is_school_holiday": "schools are closed",
    "days_since_school_holiday_start": "days into the school holiday, at most 14; -1 outside",
    "days_until_school_holiday_end": "days left of the school holiday, at most 14; -1 outside",
    "days_until_school_holiday": "days until the next school holiday, at most 14",
    "school_days_since_holiday": "days since the last school holiday, at most 14",
    "days_since_closed": "days since the store was last closed, at most 14",
    "days_until_closed": "days until the store is next closed, at most 14",
    "closed_days_last_week": "closed days among the 7 days before",
    "closed_days_next_week": "closed days among the 7 days after",
    "days_since_long_closure": "days since the end of a closure of 14 days or more, at most 60",
    "is_promo2_month": "a month in which the store's long-running promotion starts again",
    "promo2_weeks": "weeks since the long-running promotion began, -1 before or without",
    "competition_distance_log_m": "log of the distance to the next competitor in metres",
    "competition_months": "months since that competitor opened, -1 before or unknown, at most 36",
}


def plan_features(plan: PlanGrid, stores: StoreGrid) -> dict[str, Float32Array]:
    """Compute every plan feature for every store-day of a plan.

    Args:
        plan: The plan, past and future; days near its end see only as far as it goes.
        stores: The stores, in the plan's row order.

    Returns:
        By the names of ``PLAN_FEATURES``, arrays that broadcast to (stores, days): shape
        (1, days) for what is the same in all stores, (stores, 1) for what never changes.
    """
    return {**day_features(plan), **_attributes(plan, stores)}


def day_features(plan: PlanGrid) -> dict[str, Float32Array]:
    """Those plan features that come from a store's own plan and the calendar alone.

    Args:
        plan: Any choice of stores; a row's features depend on that row.
    """
    return {**_calendar(plan), **_promotion(plan), **_holidays(plan), **_opening(plan)}


def _calendar(plan: PlanGrid) -> dict[str, Float32Array]:
    dates = plan.dates
    month_ends = np.array([days_to_month_end(day) for day in dates])
    around_easter = [
        min(
            max((day - easter(day.year)).days, _DAYS_AROUND_EASTER[0] - 1),
            _DAYS_AROUND_EASTER[1] + 1,
        )
        for day in dates
    ]
    columns = {
        "day_of_week": weekdays(plan.first_date, plan.days) + 1,
        "day_of_month": np.array([day.day for day in dates]),
        "days_to_month_end": month_ends,
        "working_days_before": working_days_before(dates),
        "working_days_after": working_days_after(dates),
        "month": np.array([day.month for day in dates]),
        "day_of_year": np.array([day.timetuple().tm_yday for day in dates]),
        "days_from_easter": np.array(around_easter),
        "days_from_mothers_day": np.clip(
            [days_from_mothers_day(day) for day in dates],
            -_DAYS_AROUND_MOTHERS_DAY - 1,
            _DAYS_AROUND_MOTHERS_DAY + 1,
        ),
    }
    return {name: values.astype(np.float32)[None, :] for name, values in columns.items()}


def _promotion(plan: PlanGrid) -> dict[str, Float32Array]:
    promo = plan.is_promo
    as_number = promo.astype(np.float64)
    return {
        "is_promo": promo.astype(np.float32),
        "promo_day_number": np.where(promo, days_since(~promo, cap=_LOOK_DAYS) - 1, -1),
        "days_to_promo_end": np.where(promo, days_until(~promo, cap=_LOOK_DAYS) - 1, -1),
        "days_since_promo": days_since(promo, cap=_LOOK_DAYS),
        "days_until_promo": days_until(promo, cap=_LOOK_DAYS),
        "days_between_promos": np.where(
            days_since(~promo, cap=_LONG_LOOK_DAYS) < _LONG_LOOK_DAYS,
            days_between_runs(promo, cap=_LOOK_DAYS),
            _LOOK_DAYS,  # as unknown: its first day may be further back than a scoring panel sees
        ).astype(np.float32),
        "promo_days_last_week": _counts_before(as_number),
        "promo_days_next_week": _counts_after(as_number),
    }


def _counts_before(marks: FloatArray) -> Float32Array:
    return np.asarray(windowed_sum(marks, before=7, after=0) - marks, dtype=np.float32)


def _counts_after(marks: FloatArray) -> Float32Array:
    return np.asarray(windowed_sum(marks, before=0, after=7) - marks, dtype=np.float32)


def _holidays(plan: PlanGrid) -> dict[str, Float32Array]:
    holiday = plan.state_holiday > 0
    until_holiday = days_until(holiday, cap=_LOOK_DAYS)
    column = np.minimum(
        np.arange(plan.days)[None, :] + until_holiday.astype(np.int64), plan.days - 1
    )
    next_kind = np.take_along_axis(plan.state_holiday, column, axis=1)
    school = plan.is_school_holiday
    return {
        "state_holiday": plan.state_holiday.astype(np.float32),
        "days_since_state_holiday": days_since(holiday, cap=_LOOK_DAYS),
        "days_until_state_holiday": until_holiday,
        "next_state_holiday": np.where(until_holiday < _LOOK_DAYS, next_kind, 0).astype(np.float32),
        "is_school_holiday": school.astype(np.float32),
        "days_since_school_holiday_start": np.where(
            school, days_since(~school, cap=_LOOK_DAYS + 1) - 1, -1
        ),
        "days_until_school_holiday_end": np.where(
            school, days_until(~school, cap=_LOOK_DAYS + 1) - 1, -1
        ),
        "days_until_school_holiday": days_until(school, cap=_LOOK_DAYS),
        "school_days_since_holiday": days_since(school, cap=_LOOK_DAYS),
    }


def _opening(plan: PlanGrid) -> dict[str, Float32Array]:
    closed = ~plan.is_open
    as_number = closed.astype(np.float64)
    long_closure = windowed_sum(as_number, before=_LOOK_DAYS - 1, after=0) >= _LOOK_DAYS
    return {
        "days_since_closed": days_since(closed, cap=_LOOK_DAYS),
        "days_until_closed": days_until(closed, cap=_LOOK_DAYS),
        "closed_days_last_week": _counts_before(as_number),
        "closed_days_next_week": _counts_after(as_number),
        "days_since_long_closure": days_since(long_closure, cap=_LONG_LOOK_DAYS),
    }


def _attributes(plan: PlanGrid, stores: StoreGrid) -> dict[str, Float32Array]:
    table = stores.attributes
    dates = np.array(plan.dates, dtype="datetime64[D]")[None, :]

    promo2_since = table["promo2_since"].to_numpy().astype("datetime64[D]")[:, None]
    promo2_weeks = (dates - promo2_since).astype(np.float64) / 7
    started = table["has_promo2"].to_numpy()[:, None] & ~np.isnat(promo2_since)
    promo2_weeks = np.where(started & (promo2_weeks >= 0), promo2_weeks, -1)

    listed = table["promo2_months"].fill_null("").to_list()
    starts_in = np.array([[name in months for name in _MONTHS] for months in listed])
    month_of_day = np.array([day.month - 1 for day in plan.dates])

    opened = table["competition_open_since"].to_numpy().astype("datetime64[D]")[:, None]
    months_open = (dates - opened).astype(np.float64) / _MONTH_DAYS
    known = ~np.isnat(opened) & (months_open >= 0)

    distance = table["competition_distance_m"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return {
        "is_promo2_month": (starts_in[:, month_of_day] & (promo2_weeks >= 0)).astype(np.float32),
        "promo2_weeks": promo2_weeks.astype(np.float32),
        "competition_distance_log_m": np.log1p(distance).astype(np.float32)[:, None],
        "competition_months": np.where(
            known, np.minimum(months_open, _COMPETITION_LOOK_MONTHS), -1
        ).astype(np.float32),
    }
