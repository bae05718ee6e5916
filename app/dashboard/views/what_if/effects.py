"""Compute the effect of a changed plan: unbiased totals, difference, uplift.

See :mod:`rossmann_ml.serving.what_if` for the forecasts and
:mod:`rossmann_ml.serving.what_if_totals` for totals.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Effect:
    """Effect of a scenario's plan changes on the total of its stores and the days of the horizon.

    Attributes:
        stores: Number of stores in the scenario.
        as_planned: Unbiased total with the original plan, EUR.
        changed: Unbiased total with the changed plan, EUR.
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
        """Total with the changed plan minus total with the original plan, EUR."""
        return self.changed - self.as_planned

    @property
    def share(self) -> float | None:
        """``difference`` divided by ``as_planned``; None if ``as_planned`` is 0."""
        return self.difference / self.as_planned if self.as_planned else None

    @property
    def per_promo_day(self) -> float | None:
        """``difference`` divided by the number of promotion days that were added or removed, EUR.

        The effect of a promotion on the days around it is included. The value is None if promotion
        days were both added and removed, or if none were, because then the difference cannot be
        attributed to promotion days.
        """
        if bool(self.promo_days_added) == bool(self.promo_days_removed):
            return None
        return self.difference / (self.promo_days_added or self.promo_days_removed)


def effect(scored: pl.DataFrame, given: pl.DataFrame, factor: float) -> Effect:
    """Return the effect of a scenario: totals, and promotion days added or removed.

    Args:
        scored: Forecasts returned by :meth:`rossmann_ml.serving.what_if.Scenarios.score`.
        given: Original plan of the same stores: ``store_id, target_date, was_open, was_promo``.
        factor: Factor that turns sums of daily forecasts into unbiased totals.
    """
    both = scored.join(given, on=["store_id", "target_date"], how="left")
    promo_now = pl.col("is_promo") & pl.col("is_open")
    promo_before = pl.col("was_promo") & pl.col("was_open")
    sums = both.select(
        stores=pl.col("store_id").n_unique(),
        as_planned=pl.col("stored_forecast").fill_null(0).sum() * factor,
        changed=pl.col("sales_forecast").sum() * factor,
        promo_days_added=(promo_now & ~promo_before).sum(),
        promo_days_removed=(promo_before & ~promo_now).sum(),
    ).row(0, named=True)
    return Effect(**sums)


def by_day(scored: pl.DataFrame, factor: float) -> pl.DataFrame:
    """Return the forecasts of one store, or unbiased totals of several stores, for each day.

    Args:
        scored: Forecasts returned by :meth:`rossmann_ml.serving.what_if.Scenarios.score`.
        factor: Factor that turns sums of daily forecasts into unbiased totals. The forecasts of one
            store are not multiplied, because they are no sums.

    Returns:
        ``target_date``, ``as_planned`` and ``changed`` (with the original and the changed plan,
        EUR), ``lower_80, upper_80`` (bounds of ``changed``, EUR; NULL if there are several stores,
        because bounds do not add up) and ``is_changed`` (whether any store's plan differs from the
        original), sorted by day.
    """
    one_store = scored["store_id"].n_unique() == 1
    share = 1.0 if one_store else factor
    bound = {
        name: pl.col(name).sum() if one_store else pl.lit(None, pl.Float64)
        for name in ("lower_80", "upper_80")
    }
    return (
        scored.group_by("target_date")
        .agg(
            as_planned=pl.col("stored_forecast").fill_null(0).sum() * share,
            changed=pl.col("sales_forecast").sum() * share,
            is_changed=pl.col("is_changed").any(),
            **bound,
        )
        .sort("target_date")
    )


def plan_file(scored: pl.DataFrame) -> pl.DataFrame:
    """Return a scenario's plan as the content of a plan file, which a visitor can download.

    If the file is put into the folder of the weekly files, the next run uses it as the plan of
    these stores.

    Args:
        scored: Forecasts returned by :meth:`rossmann_ml.serving.what_if.Scenarios.score`.

    Returns:
        One row per store-day with the columns of a plan file; see ``data/README.md``.
    """
    return scored.select(
        Store="store_id",
        DayOfWeek=pl.col("target_date").dt.weekday(),
        Date="target_date",
        Open=pl.col("is_open").cast(pl.Int8),
        Promo=pl.col("is_promo").cast(pl.Int8),
        StateHoliday="state_holiday",
        SchoolHoliday=pl.col("is_school_holiday").cast(pl.Int8),
    )
