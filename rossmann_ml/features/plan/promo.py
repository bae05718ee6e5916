"""Compute features from the store's promotions on a day, before it and after it.

From these, models learn how sales change in the course of a promotion, and before and after it.
"""

from __future__ import annotations

import numpy as np

from rossmann_ml.features.grid import (
    LOOK_DAYS,
    PlanGrid,
    StoreGrid,
    counts_after,
    counts_before,
    days_between_runs,
    days_since,
    days_until,
)
from rossmann_ml.features.groups import PlanGroup

# Number of days before a day in which the first day of its running promotion is searched.
_LONG_LOOK_DAYS = 60


def _compute(plan: PlanGrid, _stores: StoreGrid) -> dict[str, np.ndarray]:
    promo = plan.is_promo
    return {
        "is_promo": promo,
        "promo_day_number": np.where(promo, days_since(~promo, cap=LOOK_DAYS) - 1, -1),
        "days_to_promo_end": np.where(promo, days_until(~promo, cap=LOOK_DAYS) - 1, -1),
        "days_since_promo": days_since(promo, cap=LOOK_DAYS),
        "days_until_promo": days_until(promo, cap=LOOK_DAYS),
        "days_between_promos": np.where(
            days_since(~promo, cap=_LONG_LOOK_DAYS) < _LONG_LOOK_DAYS,
            days_between_runs(promo, cap=LOOK_DAYS),
            LOOK_DAYS,  # unknown, because a scoring panel may not cover the promotion's first day
        ),
        "promo_days_last_week": counts_before(promo),
        "promo_days_next_week": counts_after(promo),
    }


GROUP = PlanGroup(
    meanings={
        "is_promo": "1 if the store runs a promotion, else 0",
        "promo_day_number": "days since the first day of the running promotion, at most 13; -1 "
        "without promotion",
        "days_to_promo_end": "days until the last day of the running promotion, at most 13; -1 "
        "without promotion",
        "days_since_promo": "days since the last promotion day, at most 14; 0 on one",
        "days_until_promo": "days until the next promotion day, at most 14; 0 on one",
        "days_between_promos": "days between the previous and the running promotion, at most 14, "
        "and 14 from the running promotion's 60th day on; -1 without promotion",
        "promo_days_last_week": "number of promotion days among the 7 days before",
        "promo_days_next_week": "number of promotion days among the 7 days after",
    },
    cause="promo",
    compute=_compute,
    look_back_days=_LONG_LOOK_DAYS + LOOK_DAYS,
)
