"""The promotion of a day, and those before and after it."""

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

# How far back the first day of a promotion that still runs is looked for.
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
            LOOK_DAYS,  # as unknown: its first day may be further back than a scoring panel sees
        ),
        "promo_days_last_week": counts_before(promo),
        "promo_days_next_week": counts_after(promo),
    }


GROUP = PlanGroup(
    meanings={
        "is_promo": "the store runs a promotion",
        "promo_day_number": "days since the running promotion's first day, at most 13; -1 without "
        "one",
        "days_to_promo_end": "days until the running promotion's last day, at most 13; -1 without "
        "one",
        "days_since_promo": "days since the last promotion day, at most 14",
        "days_until_promo": "days until the next promotion day, at most 14",
        "days_between_promos": "days between the running promotion and the one before, at most 14, "
        "as also from the running one's 60th day on; -1 without one",
        "promo_days_last_week": "promotion days among the 7 days before",
        "promo_days_next_week": "promotion days among the 7 days after",
    },
    cause="promo",
    compute=_compute,
    look_back_days=_LONG_LOOK_DAYS + LOOK_DAYS,
)
