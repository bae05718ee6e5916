"""Compute features from the store's long-running promotion (``Promo2`` in the retailer's files).

It goes on for years and restarts in certain months. See :mod:`rossmann_ml.features.plan.promo` for
the short promotions, which ``is_promo`` marks.
"""

from __future__ import annotations

import numpy as np

from rossmann_ml.features.grid import PlanGrid, StoreGrid
from rossmann_ml.features.groups import PlanGroup

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _compute(plan: PlanGrid, stores: StoreGrid) -> dict[str, np.ndarray]:
    table = stores.attributes
    dates = np.array(plan.dates, dtype="datetime64[D]")[None, :]
    since = table["promo2_since"].to_numpy().astype("datetime64[D]")[:, None]
    weeks = (dates - since).astype(np.float64) / 7
    started = table["has_promo2"].to_numpy()[:, None] & ~np.isnat(since)
    weeks = np.where(started & (weeks >= 0), weeks, -1)

    listed = table["promo2_months"].fill_null("").to_list()
    starts_in = np.array([[name in months for name in _MONTHS] for months in listed])
    month_of_day = np.array([day.month - 1 for day in plan.dates])
    return {
        "is_promo2_month": starts_in[:, month_of_day] & (weeks >= 0),
        "promo2_weeks": weeks,
    }


GROUP = PlanGroup(
    meanings={
        "is_promo2_month": "1 in the months in which the long-running promotion restarts, else 0",
        "promo2_weeks": "weeks since the long-running promotion began; -1 before or without it",
    },
    cause="promo",
    compute=_compute,
    look_back_days=0,
)
