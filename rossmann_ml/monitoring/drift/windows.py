"""What drift compares: values of now beside those of the comparable window a year before.

Belongs here: choosing windows and making both sides of every comparison. Seasons are not drift,
so the other side is the same season of the year before, 52 weeks earlier, on the same weekdays and
of the same stores. How far apart the sides are is Evidently's affair
(:mod:`rossmann_ml.monitoring.drift.evidently`), whether a single store left its level
:mod:`rossmann_ml.monitoring.drift.stores`'.

Measured on the retailer's weeks (docs/drift.md): over six weeks the phase of the promotions does
not matter; over one week it is all that matters, so a week is set beside that one of the weeks 51,
52 and 53 before it which ran the same promotions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from rossmann_ml.base.drift_params import DriftKind

WEEK_DAYS = 7
YEAR_DAYS = 364  # 52 weeks: the same weekday a year ago
# 52, 51 and 53 weeks back; promotions alternate by week
_WEEKS_OF_ALIKE_PROMOTION = (364, 357, 371)
# eight weeks before a week: the store's own level, with and without promotion apart
_LEVEL_DAYS = 56
# four weeks before a week: a store with a row on half of these days is active
_ACTIVE_DAYS = 28
# sales of days this near a state holiday move with it, and holidays move from year to year
_NEAR_HOLIDAY_DAYS = 3
# with fewer days left, levels of the week are not compared
_MIN_ORDINARY_DAYS = 2
# closed for so many days on end, a store was rebuilt: that comes once, and not a year later again
_REBUILDING_DAYS = 7
# what would be printed as 0.0%
_SMALLEST_SHARE_TOLD = 0.0005

FEATURE_COLUMNS = ("residual_7d", "residual_28d", "level_trend", "store_level")
SALES_HISTORY_DAYS = max(_WEEKS_OF_ALIKE_PROMOTION) + WEEK_DAYS + _LEVEL_DAYS


@dataclass(frozen=True)
class Window:
    """Days from the first to the last."""

    first: date
    last: date

    def before(self, days: int) -> Window:
        """The same window some days earlier."""
        return Window(self.first - timedelta(days=days), self.last - timedelta(days=days))

    def has(self, column: str) -> pl.Expr:
        """Whether a date lies in it."""
        return pl.col(column).is_between(self.first, self.last)

    @property
    def days(self) -> list[date]:
        """Its days."""
        count = (self.last - self.first).days + 1
        return [self.first + timedelta(days=number) for number in range(count)]


@dataclass(frozen=True)
class Sample:
    """Both sides of one comparison.

    Attributes:
        kind: What is compared.
        feature: Its name, one of :data:`~rossmann_ml.base.drift_params.DRIFT_FEATURES`.
        current: Values of now: numbers, or texts of categories.
        reference: Values of the comparable window.
        current_window: The days of ``current``; target days, or those of the origin's history.
        reference_window: The days of ``reference``.
    """

    kind: DriftKind
    feature: str
    current: pl.Series
    reference: pl.Series
    current_window: Window
    reference_window: Window

    @property
    def is_categorical(self) -> bool:
        """Whether shares of categories are compared, not distributions of numbers."""
        return self.current.dtype == pl.String

    def summary(self) -> str:
        """What moved most, in words: shares of a category, or means."""
        if not self.is_categorical:
            means = self.reference.mean(), self.current.mean()
            return "mean {:.3f} then, {:.3f} now".format(*means)
        then, now = _shares(self.reference), _shares(self.current)
        moved = {each: abs(now.get(each, 0) - then.get(each, 0)) for each in sorted(then | now)}
        most = max(moved, key=moved.__getitem__)
        if moved[most] < _SMALLEST_SHARE_TOLD:
            return "shares as then"
        return f"{most}: {then.get(most, 0):.1%} then, {now.get(most, 0):.1%} now"


def _shares(categories: pl.Series) -> dict[str, float]:
    return dict(categories.value_counts(normalize=True).iter_rows())


def plan_samples(plan: pl.DataFrame, *, origin: date, horizon_days: int) -> list[Sample]:
    """The plan of the horizon beside that of the same days a year before.

    Args:
        plan: ``store_id, state, day, is_open, is_promo, state_holiday, is_school_holiday``: the
            plan of the days after the origin, and past days that have a sales row.
        origin: The last day whose sales are known.
        horizon_days: Days after it.
    """
    current = Window(origin + timedelta(days=1), origin + timedelta(days=horizon_days))
    reference = current.before(YEAR_DAYS)
    now, then = _side_by_side(plan, current, reference)
    ordinary_now, ordinary_then = _ordinary_openings(now, then)
    sides = {
        "promo_by_weekday": _both(_WEEKDAY_PROMO, now, then),
        "open_by_weekday": _both(_WEEKDAY_OPEN, ordinary_now, ordinary_then),
        "open_by_state": _both(_STATE_OPEN, ordinary_now, ordinary_then),
        "state_holiday": _both(pl.col("state_holiday"), now, then),
        "is_school_holiday": _both(_SCHOOL_HOLIDAY, now, then),
    }
    return _samples("plan", sides, current, reference)


def sales_samples(sales: pl.DataFrame, *, last_day: date) -> list[Sample]:
    """The newest week as it was sold beside the week of a year before with the same promotions.

    Args:
        sales: ``store_id, state, day, sales, customers, is_open, is_promo, state_holiday``:
            store-days with a row, ``SALES_HISTORY_DAYS`` back from the last day.
        last_day: The last day whose sales are known.
    """
    current = Window(last_day - timedelta(days=WEEK_DAYS - 1), last_day)
    reference = current.before(_promotion_shift(sales, current))
    now, then = _side_by_side(sales, current, reference)
    ordinary_now, ordinary_then = _ordinary_openings(now, then)
    sides = {
        "promo_by_weekday": _both(_WEEKDAY_PROMO, now, then),
        "open_by_weekday": _both(_WEEKDAY_OPEN, ordinary_now, ordinary_then),
        "open_by_state": _both(_STATE_OPEN, ordinary_now, ordinary_then),
        **_levels(sales, current, reference),
    }
    return _observed(sales, current) + _samples("sales", sides, current, reference)


def feature_samples(
    features: pl.DataFrame, reference: pl.DataFrame, *, origin: date, reference_origin: date
) -> list[Sample]:
    """History features of the stores beside those that the model learned from a year before.

    Args:
        features: One row a store, columns ``FEATURE_COLUMNS``, as of the origin.
        reference: The same as of the reference origin.
        origin: The last day whose sales are known.
        reference_origin: The same, about 52 weeks before.
    """
    sides = {name: (features[name], reference[name]) for name in FEATURE_COLUMNS}
    return _samples(
        "features", sides, Window(origin, origin), Window(reference_origin, reference_origin)
    )


def forecast_samples(now: pl.DataFrame, then: pl.DataFrame) -> list[Sample]:
    """The newest forecasts beside those of the vintage before, same stores and target days.

    Each side is the log of the forecasts minus the store's mean in the vintage before, so that
    what counts is the move and not how large stores are.

    Args:
        now: ``store_id, target_date, sales_forecast`` of open days.
        then: The same of the vintage before.
    """
    pairs = now.join(then, on=["store_id", "target_date"], suffix="_then").sort(
        "store_id", "target_date"
    )
    if pairs.is_empty():
        return []
    own = pl.col("sales_forecast_then").log().mean().over("store_id")
    logs = pairs.select(
        now=pl.col("sales_forecast").log() - own, then=pl.col("sales_forecast_then").log() - own
    )
    first, last = pairs["target_date"].min(), pairs["target_date"].max()
    window = Window(first, last)  # type: ignore[arg-type]
    return _samples("forecasts", {"same_days": (logs["now"], logs["then"])}, window, window)


def ordinary_days(sales: pl.DataFrame, window: Window) -> list[date]:
    """Days of a window that are at least four days from every state holiday, whatever the state."""
    holidays = sales.filter(pl.col("state_holiday") != "0")["day"].unique().to_list()
    near = {
        holiday + timedelta(days=days)
        for holiday in holidays
        for days in range(-_NEAR_HOLIDAY_DAYS, _NEAR_HOLIDAY_DAYS + 1)
    }
    return [day for day in window.days if day not in near]


def _yes_no(column: str, yes: str, no: str) -> pl.Expr:
    return pl.when(column).then(pl.lit(yes)).otherwise(pl.lit(no))


_WEEKDAY = pl.col("day").dt.to_string("%a")
_WEEKDAY_PROMO = pl.format("{} {}", _WEEKDAY, _yes_no("is_promo", "promotion", "none"))
_WEEKDAY_OPEN = pl.format("{} {}", _WEEKDAY, _yes_no("is_open", "open", "closed"))
_STATE_OPEN = pl.format("{} {}", pl.col("state"), _yes_no("is_open", "open", "closed"))
_SCHOOL_HOLIDAY = _yes_no("is_school_holiday", "holiday", "school")


def _promotion_shift(sales: pl.DataFrame, current: Window) -> int:
    """Days back to the week whose promotions are most alike; 52 weeks where it makes no odds."""
    by_day = dict(sales.group_by("day").agg(pl.col("is_promo").mean()).iter_rows())

    def apart(shift: int) -> tuple[float, int]:
        moved = sum(
            abs(by_day.get(day, 0.0) - by_day.get(day - timedelta(days=shift), 0.0))
            for day in current.days
        )
        # shares of stores, which a few stores without rows move: not worth another week
        return round(moved, 1), abs(shift - YEAR_DAYS)

    return min(_WEEKS_OF_ALIKE_PROMOTION, key=apart)


def _side_by_side(
    rows: pl.DataFrame, current: Window, reference: Window
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The store-days that have a row in both windows, row by row."""
    keys = ["store_id", "number"]
    now, then = (
        rows.filter(window.has("day")).with_columns(
            number=(pl.col("day") - window.first).dt.total_days()
        )
        for window in (current, reference)
    )
    return now.join(then, on=keys, how="semi").sort(keys), then.join(now, on=keys, how="semi").sort(
        keys
    )


def _ordinary_openings(now: pl.DataFrame, then: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Without state holidays of either side, and without stores that were being rebuilt then."""
    runs = pl.col("is_open").rle_id().over("store_id")
    rebuilt = (
        then.with_columns(run=runs)
        .filter(~pl.col("is_open"))
        .group_by("store_id", "run")
        .agg(days=pl.len())
        .filter(pl.col("days") >= _REBUILDING_DAYS)["store_id"]
    )
    ordinary = (
        (now["state_holiday"] == "0")
        & (then["state_holiday"] == "0")
        & ~then["store_id"].is_in(rebuilt.implode())
    )
    return now.filter(ordinary), then.filter(ordinary)


def _both(category: pl.Expr, now: pl.DataFrame, then: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    return now.select(category.alias("c"))["c"], then.select(category.alias("c"))["c"]


def _observed(sales: pl.DataFrame, current: Window) -> list[Sample]:
    """Rows by weekday of the newest week beside the four weeks before, of stores active then."""
    past = Window(current.first - timedelta(days=_ACTIVE_DAYS), current.first - timedelta(days=1))
    active = (
        sales.filter(past.has("day"))
        .group_by("store_id")
        .agg(rows=pl.len())
        .filter(pl.col("rows") >= _ACTIVE_DAYS // 2)  # not those that are just coming back
        .select("store_id")
    )
    if active.is_empty():
        return []

    def rows(window: Window) -> pl.Series:
        expected = active.join(pl.DataFrame({"day": window.days}), how="cross")
        found = expected.join(
            sales.select("store_id", "day", is_there=pl.lit(value=True)),
            on=["store_id", "day"],
            how="left",
        ).with_columns(pl.col("is_there").fill_null(value=False))
        category = pl.format("{} {}", _WEEKDAY, _yes_no("is_there", "row", "no row"))
        return found.sort("store_id", "day").select(category.alias("c"))["c"]

    sides = {"observed_by_weekday": (rows(current), rows(past))}
    return _samples("sales", sides, current, past)


def _levels(
    sales: pl.DataFrame, current: Window, reference: Window
) -> dict[str, tuple[pl.Series, pl.Series]]:
    """Logs of sales, customers and spend minus the store's own mean of the eight weeks before."""
    shift = current.first - reference.first
    ordinary_then = set(ordinary_days(sales, reference))
    days = [day for day in ordinary_days(sales, current) if day - shift in ordinary_then]
    if len(days) < _MIN_ORDINARY_DAYS:
        return {}
    logs = sales.filter((pl.col("sales") > 0) & (pl.col("customers") > 0)).with_columns(
        sales_level=pl.col("sales").log(),
        customers_level=pl.col("customers").log(),
        spend_level=(pl.col("sales") / pl.col("customers")).log(),
    )
    names = ["sales_level", "customers_level", "spend_level"]

    def side(window: Window, of_days: list[date]) -> pl.DataFrame:
        before = Window(
            window.first - timedelta(days=_LEVEL_DAYS), window.first - timedelta(days=1)
        )
        cell = ["store_id", "is_promo"]
        own = logs.filter(before.has("day")).group_by(cell).agg(pl.col(names).mean())
        return (
            logs.filter(pl.col("day").is_in(of_days))
            .join(own, on=cell, suffix="_own")
            .sort("store_id", "day")
            .select(pl.col(name) - pl.col(f"{name}_own") for name in names)
        )

    now, then = side(current, days), side(reference, [day - shift for day in days])
    return {name: (now[name], then[name]) for name in names}


def _samples(
    kind: DriftKind,
    sides: dict[str, tuple[pl.Series, pl.Series]],
    current: Window,
    reference: Window,
) -> list[Sample]:
    """Samples of the features that have values on both sides."""
    found = []
    for feature, both in sides.items():
        now, then = (
            side.drop_nulls() if side.dtype == pl.String else side.drop_nulls().drop_nans()
            for side in both
        )
        if len(now) and len(then):
            found.append(Sample(kind, feature, now, then, current, reference))
    return found
