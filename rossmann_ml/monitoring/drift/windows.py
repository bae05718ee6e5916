"""Build samples: current values of a feature, and earlier values with which drift compares them.

Entry points: :func:`plan_samples`, :func:`sales_samples`, :func:`feature_samples`,
:func:`forecast_samples`. Seasons are not drift, so plan, features and sales are compared with about
52 weeks earlier; missing sales rows are compared with the four weeks before, and forecasts with the
previous vintage. Distances are computed in :mod:`rossmann_ml.monitoring.drift.evidently`, scores of
single stores in :mod:`rossmann_ml.monitoring.drift.stores`.

Promotions alternate by week, which averages out over six weeks but not in a single week (measured
in docs/drift.md). A single week is therefore compared with the week 51, 52 or 53 weeks earlier that
has the most similar promotions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from rossmann_ml.base.params.drift import DriftKind

WEEK_DAYS = 7
YEAR_DAYS = 364  # 52 weeks: the same weekday a year ago
# days back to the weeks whose promotions may be similar: 52, 51 and 53 weeks
_WEEK_SHIFTS = (364, 357, 371)
# the eight weeks before a week give a store's level, with and without promotion
_LEVEL_DAYS = 56
# a store with rows on half of the four weeks before a week is active
_ACTIVE_DAYS = 28
# sales this close to a state holiday change with it, and holidays change their date
_NEAR_HOLIDAY_DAYS = 3
# levels of a week with fewer ordinary days are not compared
_MIN_ORDINARY_DAYS = 2
# smaller changes are shown as 0.0%
_SMALLEST_SHARE_SHOWN = 0.0005

FEATURE_COLUMNS = ("residual_7d", "residual_28d", "level_trend", "store_level")
REBUILDING_DAYS = 7
"""A store that is closed this long is being rebuilt, which does not recur a year later."""
SALES_HISTORY_DAYS = max(_WEEK_SHIFTS) + WEEK_DAYS + _LEVEL_DAYS


@dataclass(frozen=True)
class Window:
    """A span of days from ``first`` to ``last``, both included."""

    first: date
    last: date

    def before(self, days: int) -> Window:
        """Return the window of the same length that begins ``days`` days earlier."""
        return Window(self.first - timedelta(days=days), self.last - timedelta(days=days))

    def has(self, column: str) -> pl.Expr:
        """Return a Polars expression that is true where a date column is inside the window."""
        return pl.col(column).is_between(self.first, self.last)

    @property
    def days(self) -> list[date]:
        """All days of the window in order."""
        count = (self.last - self.first).days + 1
        return [self.first + timedelta(days=number) for number in range(count)]


@dataclass(frozen=True)
class Sample:
    """Current and reference values of one feature, whose distance shows drift.

    Attributes:
        kind: Kind of data: plan, features, sales or forecasts.
        feature: Name of the feature, a key of
            :data:`~rossmann_ml.base.params.drift.DRIFT_FEATURES`.
        current: Current values: numbers, or categories as text.
        reference: Values of the reference window, of the same type.
        current_window: Days of the current values.
        reference_window: Days of the reference values.
    """

    kind: DriftKind
    feature: str
    current: pl.Series
    reference: pl.Series
    current_window: Window
    reference_window: Window

    @property
    def is_categorical(self) -> bool:
        """Whether the values are categories, not numbers."""
        return self.current.dtype == pl.String

    def summary(self) -> str:
        """Return the change from reference to current values in words.

        For numbers the text has the mean of the reference values and the mean of the current
        values. For categories it has both shares of the category whose share changed most.
        """
        if not self.is_categorical:
            means = self.reference.mean(), self.current.mean()
            return "mean {:.3f} then, {:.3f} now".format(*means)
        then, now = (
            dict(side.value_counts(normalize=True).iter_rows())
            for side in (self.reference, self.current)
        )
        moved = {each: abs(now.get(each, 0) - then.get(each, 0)) for each in sorted(then | now)}
        most = max(moved, key=moved.__getitem__)
        if moved[most] < _SMALLEST_SHARE_SHOWN:
            return "shares unchanged"
        return f"{most}: {then.get(most, 0):.1%} then, {now.get(most, 0):.1%} now"


def plan_samples(plan: pl.DataFrame, *, origin: date, horizon_days: int) -> list[Sample]:
    """Build the samples of the plan: the horizon compared with the days 52 weeks before.

    Args:
        plan: ``store_id, state, day, is_open, is_promo, state_holiday`` (a code, ``0`` for
            none), ``is_school_holiday`` of the days after the origin, and of past days with a sales
            row.
        origin: Forecast origin, the day before the horizon.
        horizon_days: Number of days in the horizon, whose plan is compared.

    Returns:
        One sample for each compared feature, such as promotions by weekday.
    """
    current = Window(origin + timedelta(days=1), origin + timedelta(days=horizon_days))
    reference = current.before(YEAR_DAYS)
    school = _yes_no("is_school_holiday", "holiday", "school")
    rows = _common_rows(plan.with_columns(is_school_holiday=school), current, reference)
    features = (*_CATEGORIES, "state_holiday", "is_school_holiday")
    return _samples("plan", features, rows, (current, reference))


def sales_samples(sales: pl.DataFrame, *, last_day: date) -> list[Sample]:
    """Build the samples of sales: the newest week compared with a week about a year before.

    The earlier week is 51, 52 or 53 weeks before, the one with the most similar promotions. Missing
    sales rows are compared with the four weeks before instead.

    Args:
        sales: ``store_id, state, day, sales, customers, is_open, is_promo, state_holiday`` of
            store-days with a sales row, from ``SALES_HISTORY_DAYS`` before ``last_day`` on.
        last_day: Last day of the newest week.

    Returns:
        One sample for each compared feature, such as the level of sales.
    """
    current = Window(last_day - timedelta(days=WEEK_DAYS - 1), last_day)
    reference = current.before(_promotion_shift(sales, current))
    windows = current, reference
    return [
        *_observed(sales, current),
        *_samples("sales", _CATEGORIES, _common_rows(sales, *windows), windows),
        *_samples("sales", _LEVELS, _levels(sales, *windows), windows),
    ]


def feature_samples(
    features: pl.DataFrame, reference: pl.DataFrame, *, origin: date, reference_origin: date
) -> list[Sample]:
    """Build one sample per feature of past sales: values now compared with a year before.

    Args:
        features: Columns ``FEATURE_COLUMNS`` at the origin, one row per store.
        reference: Columns ``FEATURE_COLUMNS`` at the reference origin, one row per store.
        origin: Newest forecast origin.
        reference_origin: Forecast origin about 52 weeks before.
    """
    windows = Window(origin, origin), Window(reference_origin, reference_origin)
    return _samples("features", FEATURE_COLUMNS, (features, reference), windows)


def forecast_samples(now: pl.DataFrame, then: pl.DataFrame) -> list[Sample]:
    """Build the sample that compares the newest forecasts with the previous vintage.

    Only store-days that both vintages contain are compared; without any the list is empty. Values
    are the log of the forecast minus the store's mean log forecast in the previous vintage, so that
    the size of stores does not matter.

    Args:
        now: ``store_id, target_date, sales_forecast`` of open days, newest vintage.
        then: ``store_id, target_date, sales_forecast`` of open days, previous vintage.
    """
    pairs = now.join(then, on=["store_id", "target_date"], suffix="_then").sort(
        "store_id", "target_date"
    )
    if pairs.is_empty():
        return []
    own = pl.col("sales_forecast_then").log().mean().over("store_id")
    days = pairs["target_date"]
    window = Window(days.min(), days.max())  # type: ignore[arg-type]
    logs = (
        pairs.select(same_days=pl.col("sales_forecast").log() - own),
        pairs.select(same_days=pl.col("sales_forecast_then").log() - own),
    )
    return _samples("forecasts", ("same_days",), logs, (window, window))


def ordinary_days(sales: pl.DataFrame, window: Window) -> list[date]:
    """Return the days of a window that are at least four days away from any state's holidays.

    Args:
        sales: ``day, state_holiday`` of store-days in and around the window.
        window: Days to choose from.
    """
    holidays = sales.filter(pl.col("state_holiday") != "0")["day"].unique().to_list()
    near = {
        holiday + timedelta(days=days)
        for holiday in holidays
        for days in range(-_NEAR_HOLIDAY_DAYS, _NEAR_HOLIDAY_DAYS + 1)
    }
    return [day for day in window.days if day not in near]


def _yes_no(column: str, yes: str, no: str) -> pl.Expr:
    """Return an expression that turns a boolean column into the categories `yes` and `no`."""
    return pl.when(column).then(pl.lit(yes)).otherwise(pl.lit(no))


_WEEKDAY = pl.col("day").dt.to_string("%a")
_CATEGORIES = ("promo_by_weekday", "open_by_weekday", "open_by_state")
_LEVELS = ("sales_level", "customers_level", "spend_level")


def _promotion_shift(sales: pl.DataFrame, current: Window) -> int:
    """Return how many days before the current week its reference week is: 357, 364 or 371.

    The reference week has the most similar promotions. Two weeks differ by the sum, over the seven
    weekdays, of the absolute difference between their shares of stores with promotion, rounded to
    0.1. If several weeks differ equally, the one nearest to 364 days is taken.

    Args:
        sales: ``day, is_promo`` of store-days of all four weeks; a day without rows counts as a day
            without promotion.
        current: Current week.
    """
    by_day = dict(sales.group_by("day").agg(pl.col("is_promo").mean()).iter_rows())

    def difference(shift: int) -> tuple[float, int]:
        moved = sum(
            abs(by_day.get(day, 0.0) - by_day.get(day - timedelta(days=shift), 0.0))
            for day in current.days
        )
        # rounded, because a few stores without rows must not decide for another week
        return round(moved, 1), abs(shift - YEAR_DAYS)

    return min(_WEEK_SHIFTS, key=difference)


def _common_rows(
    rows: pl.DataFrame, current: Window, reference: Window
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pair the store-days of two windows, and add columns of categories to them.

    A store's n-th day of the current window is paired with its n-th day of the reference window.
    Days without a row in the other window are left out.

    Args:
        rows: ``store_id, state, day, is_open, is_promo, state_holiday`` (a code, ``0`` for none).
        current: Current window.
        reference: Reference window of the same length.

    Returns:
        Current rows and reference rows, with paired rows at the same position. Added columns are
        ``promo_by_weekday, open_by_weekday, open_by_state``, such as ``Mon promotion``, ``Mon
        open``, ``BY closed``. The two ``open_`` columns are null in both rows of a pair if one of
        them is a state holiday. They are also null in all rows of a store that was closed on seven
        or more days in a row of the reference window, because a rebuilding does not recur.
    """
    keys = ["store_id", "number"]
    now, then = (
        rows.filter(window.has("day")).with_columns(
            number=(pl.col("day") - window.first).dt.total_days()
        )
        for window in (current, reference)
    )
    now, then = (
        side.join(other, on=keys, how="semi").sort(keys)
        for side, other in ((now, then), (then, now))
    )
    rebuilt = (
        then.with_columns(run=pl.col("is_open").rle_id().over("store_id"))
        .filter(~pl.col("is_open"))
        .group_by("store_id", "run")
        .agg(days=pl.len())
        .filter(pl.col("days") >= REBUILDING_DAYS)["store_id"]
    )
    ordinary = (
        (now["state_holiday"] == "0")
        & (then["state_holiday"] == "0")
        & ~then["store_id"].is_in(rebuilt.implode())
    )
    opening = pl.when(ordinary).then(_yes_no("is_open", "open", "closed"))
    now, then = (
        side.with_columns(
            promo_by_weekday=pl.format("{} {}", _WEEKDAY, _yes_no("is_promo", "promotion", "none")),
            open_by_weekday=pl.format("{} {}", _WEEKDAY, opening),
            open_by_state=pl.format("{} {}", "state", opening),
        )
        for side in (now, then)
    )
    return now, then


def _observed(sales: pl.DataFrame, current: Window) -> list[Sample]:
    """Return the sample that shows missing sales rows, alone in a list.

    It compares the newest week (current) with the four weeks before (reference). The category of a
    store-day says its weekday and whether it has a row, such as ``Mon row`` or ``Mon no row``.
    Stores with rows on fewer than half of the days of the four weeks are left out, because they
    are closed or have just reopened. The list is empty if no store remains.
    """
    past = Window(current.first - timedelta(days=_ACTIVE_DAYS), current.first - timedelta(days=1))
    active = (
        sales.filter(past.has("day"))
        .group_by("store_id")
        .agg(rows=pl.len())
        .filter(pl.col("rows") >= _ACTIVE_DAYS // 2)  # excludes stores that are just reopening
        .select("store_id")
    )
    days = pl.DataFrame({"day": [*past.days, *current.days]})
    row = pl.when("is_there").then(pl.lit("row")).otherwise(pl.lit("no row"))
    rows = (
        active.join(days, how="cross")
        .join(
            sales.select("store_id", "day", is_there=pl.lit(value=True)),
            on=["store_id", "day"],
            how="left",
        )
        .sort("store_id", "day")
        .with_columns(observed_by_weekday=pl.format("{} {}", _WEEKDAY, row))
    )
    sides = rows.filter(current.has("day")), rows.filter(past.has("day"))
    return _samples("sales", ("observed_by_weekday",), sides, (current, past))


def _levels(
    sales: pl.DataFrame, current: Window, reference: Window
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return ``sales_level, customers_level, spend_level`` of store-days in each window.

    A level is the log of sales, customers or sales per customer, minus the store's mean of that log
    on days with the same ``is_promo`` in the eight weeks before its own window.

    The n-th day of the current window is paired with the n-th day of the reference window. A pair
    is used only if both are ordinary days (see :func:`ordinary_days`); the mean uses all days.

    Returns:
        Rows of the current window, and rows of the reference window; both are empty if fewer than
        two pairs of days are used.
    """
    shift = current.first - reference.first
    ordinary_then = set(ordinary_days(sales, reference))
    days = [day for day in ordinary_days(sales, current) if day - shift in ordinary_then]
    if len(days) < _MIN_ORDINARY_DAYS:
        days = []
    logs = sales.filter((pl.col("sales") > 0) & (pl.col("customers") > 0)).with_columns(
        sales_level=pl.col("sales").log(),
        customers_level=pl.col("customers").log(),
        spend_level=(pl.col("sales") / pl.col("customers")).log(),
    )

    def side(window: Window, of_days: list[date]) -> pl.DataFrame:
        before = Window(
            window.first - timedelta(days=_LEVEL_DAYS), window.first - timedelta(days=1)
        )
        cell = ["store_id", "is_promo"]
        own = logs.filter(before.has("day")).group_by(cell).agg(pl.col(_LEVELS).mean())
        return (
            logs.filter(pl.col("day").is_in(of_days))
            .join(own, on=cell, suffix="_own")
            .sort("store_id", "day")
            .select(pl.col(name) - pl.col(f"{name}_own") for name in _LEVELS)
        )

    return side(current, days), side(reference, [day - shift for day in days])


def _samples(
    kind: DriftKind,
    features: Sequence[str],
    sides: tuple[pl.DataFrame, pl.DataFrame],
    windows: tuple[Window, Window],
) -> list[Sample]:
    """Return one sample per feature; leave out features without values in one of the windows.

    Args:
        kind: Kind of the data.
        features: Names of the columns to compare.
        sides: Current and reference rows.
        windows: Current and reference window.
    """
    now, then = sides
    samples = (
        Sample(kind, name, _values(now[name]), _values(then[name]), *windows) for name in features
    )
    return [each for each in samples if len(each.current) and len(each.reference)]


def _values(column: pl.Series) -> pl.Series:
    known = column.drop_nulls()
    return known if known.dtype == pl.String else known.drop_nans()
