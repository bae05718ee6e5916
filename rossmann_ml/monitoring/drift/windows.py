"""Build samples: current values of a feature, and earlier values with which drift compares them.

Entry points: :func:`plan_samples`, :func:`feature_samples`, :func:`forecast_samples`; for sales
:func:`rossmann_ml.monitoring.drift.sales_weeks.sales_samples`. Seasons are not drift, so plan,
features and sales are compared with about 52 weeks earlier, and forecasts with the previous
vintage. Distances are computed in :mod:`rossmann_ml.monitoring.drift.evidently`, scores of single
stores in :mod:`rossmann_ml.monitoring.drift.stores`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from rossmann_ml.base.params.drift import DriftKind

WEEK_DAYS = 7
YEAR_DAYS = 364  # 52 weeks: the same weekday a year ago
# smaller changes are shown as 0.0%
_SMALLEST_SHARE_SHOWN = 0.0005

FEATURE_COLUMNS = ("residual_7d", "residual_28d", "level_trend", "store_level")
REBUILDING_DAYS = 7
"""A store that is closed this long is being rebuilt, which does not recur a year later."""


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
    rows = common_rows(plan.with_columns(is_school_holiday=school), current, reference)
    features = (*CATEGORIES, "state_holiday", "is_school_holiday")
    return samples_of("plan", features, rows, (current, reference))


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
    return samples_of("features", FEATURE_COLUMNS, (features, reference), windows)


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
    return samples_of("forecasts", ("same_days",), logs, (window, window))


def _yes_no(column: str, yes: str, no: str) -> pl.Expr:
    """Return an expression that turns a boolean column into the categories `yes` and `no`."""
    return pl.when(column).then(pl.lit(yes)).otherwise(pl.lit(no))


WEEKDAY = pl.col("day").dt.to_string("%a")
CATEGORIES = ("promo_by_weekday", "open_by_weekday", "open_by_state")


def common_rows(
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
            promo_by_weekday=pl.format("{} {}", WEEKDAY, _yes_no("is_promo", "promotion", "none")),
            open_by_weekday=pl.format("{} {}", WEEKDAY, opening),
            open_by_state=pl.format("{} {}", "state", opening),
        )
        for side in (now, then)
    )
    return now, then


def samples_of(
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
