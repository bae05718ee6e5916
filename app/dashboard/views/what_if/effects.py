"""What a changed plan brings: sums and uplift of scored days beside the plan as given.

Plain arithmetic on frames; scoring is :mod:`rossmann_ml.serving.what_if`' matter, showing is the
page's.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Effect:
    """A scenario in figures.

    Attributes:
        stores: Stores scored.
        as_planned: Sales forecast with the plan as given, EUR.
        changed: Sales forecast with the changed plan, EUR.
        promo_days_added: Open store-days that have a promotion only in the changed plan.
        promo_days_removed: Open store-days that have one only in the plan as given.
    """

    stores: int
    as_planned: float
    changed: float
    promo_days_added: int
    promo_days_removed: int

    @property
    def difference(self) -> float:
        """Sales with the changed plan minus sales as planned, EUR."""
        return self.changed - self.as_planned

    @property
    def share(self) -> float | None:
        """The difference over sales as planned."""
        return self.difference / self.as_planned if self.as_planned else None

    @property
    def per_promo_day(self) -> float | None:
        """The difference per promotion day that was added, or that was taken away, EUR.

        It holds what the promotion moves on the days around it. None where promotion days were
        both added and taken away, or neither: no one of them could be given the difference.
        """
        if bool(self.promo_days_added) == bool(self.promo_days_removed):
            return None
        return self.difference / (self.promo_days_added or self.promo_days_removed)


def effect(scored: pl.DataFrame, given: pl.DataFrame) -> Effect:
    """Sum up a scored scenario.

    Args:
        scored: What :meth:`rossmann_ml.serving.what_if.Scenarios.score` returns.
        given: ``store_id, target_date, was_open, was_promo``.
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
    """Sum a scored scenario over its stores.

    Returns:
        ``target_date, as_planned, changed`` (EUR), ``lower_80, upper_80`` (EUR, only where it is
        one store: bounds do not add up) and ``is_changed``, whether any store's plan differs, by
        day.
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
    """The changed plan with the columns of a plan file, as ``data/README.md`` lists them."""
    return scored.select(
        Store="store_id",
        DayOfWeek=pl.col("target_date").dt.weekday(),
        Date="target_date",
        Open=pl.col("is_open").cast(pl.Int8),
        Promo=pl.col("is_promo").cast(pl.Int8),
        StateHoliday="state_holiday",
        SchoolHoliday=pl.col("is_school_holiday").cast(pl.Int8),
    )
