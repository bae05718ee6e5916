"""Compute the effect of a changed plan from scored days: sums, difference, uplift.

See :mod:`rossmann_ml.serving.what_if` for scoring.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Effect:
    """Effect of a scenario.

    Attributes:
        stores: Number of scored stores.
        as_planned: Forecast with the original plan, EUR.
        changed: Forecast with the changed plan, EUR.
        promo_days_added: Number of open store-days with a promotion only in the changed plan.
        promo_days_removed: Number of open store-days with a promotion only in the original plan.
    """

    stores: int
    as_planned: float
    changed: float
    promo_days_added: int
    promo_days_removed: int

    @property
    def difference(self) -> float:
        """Forecast with the changed plan minus forecast with the original plan, EUR."""
        return self.changed - self.as_planned

    @property
    def share(self) -> float | None:
        """The difference as a share of the forecast with the original plan."""
        return self.difference / self.as_planned if self.as_planned else None

    @property
    def per_promo_day(self) -> float | None:
        """Return the difference per promotion day that was added or removed, EUR.

        It includes the effect of the promotion on the days around it. None if promotion days were
        both added and removed, or neither, because the difference has no single cause then.
        """
        if bool(self.promo_days_added) == bool(self.promo_days_removed):
            return None
        return self.difference / (self.promo_days_added or self.promo_days_removed)


def effect(scored: pl.DataFrame, given: pl.DataFrame) -> Effect:
    """Return the effect of a scored scenario.

    Args:
        scored: Result of :meth:`rossmann_ml.serving.what_if.Scenarios.score`.
        given: The original plan: ``store_id, target_date, was_open, was_promo``.
    """
    both = scored.join(given, on=["store_id", "target_date"], how="left")
    promo_now = pl.col("is_promo") & pl.col("is_open")
    promo_before = pl.col("was_promo") & pl.col("was_open")
    sums = both.select(
        stores=pl.col("store_id").n_unique(),
        as_planned=pl.col("stored_forecast").fill_null(0).sum(),
        changed=pl.col("sales_forecast").sum(),
        promo_days_added=(promo_now & ~promo_before).sum(),
        promo_days_removed=(promo_before & ~promo_now).sum(),
    ).row(0, named=True)
    return Effect(**sums)


def by_day(scored: pl.DataFrame) -> pl.DataFrame:
    """Return a scored scenario summed over its stores, by day.

    Returns:
        ``target_date, as_planned, changed`` (EUR), ``lower_80, upper_80`` (EUR; NULL for several
        stores, because bounds do not add up) and ``is_changed`` (whether any store's plan differs).
    """
    one_store = scored["store_id"].n_unique() == 1
    bound = {
        name: pl.col(name).sum() if one_store else pl.lit(None, pl.Float64)
        for name in ("lower_80", "upper_80")
    }
    return (
        scored.group_by("target_date")
        .agg(
            as_planned=pl.col("stored_forecast").fill_null(0).sum(),
            changed=pl.col("sales_forecast").sum(),
            is_changed=pl.col("is_changed").any(),
            **bound,
        )
        .sort("target_date")
    )


def plan_file(scored: pl.DataFrame) -> pl.DataFrame:
    """Return the changed plan with the columns of a plan file; see ``data/README.md``."""
    return scored.select(
        Store="store_id",
        DayOfWeek=pl.col("target_date").dt.weekday(),
        Date="target_date",
        Open=pl.col("is_open").cast(pl.Int8),
        Promo=pl.col("is_promo").cast(pl.Int8),
        StateHoliday="state_holiday",
        SchoolHoliday=pl.col("is_school_holiday").cast(pl.Int8),
    )
