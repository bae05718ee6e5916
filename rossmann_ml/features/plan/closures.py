"""Compute features from the store's closed days before and after a day.

From these, models learn how customers shift their shopping around closed days.
"""

from __future__ import annotations

import numpy as np

from rossmann_ml.features.grid import (
    LOOK_DAYS,
    PlanGrid,
    StoreGrid,
    counts_after,
    counts_before,
    days_since,
    days_until,
    windowed_sum,
)
from rossmann_ml.features.groups import PlanGroup

# A closure of at least this many days is long.
_LONG_CLOSURE_DAYS = 14
# Number of days before a day in which a long closure counts.
_LONG_LOOK_DAYS = 60


def _compute(plan: PlanGrid, _stores: StoreGrid) -> dict[str, np.ndarray]:
    closed = ~plan.is_open
    in_a_row = windowed_sum(closed.astype(np.float64), before=_LONG_CLOSURE_DAYS - 1, after=0)
    return {
        "days_since_closed": days_since(closed, cap=LOOK_DAYS),
        "days_until_closed": days_until(closed, cap=LOOK_DAYS),
        "closed_days_last_week": counts_before(closed),
        "closed_days_next_week": counts_after(closed),
        "days_since_long_closure": days_since(in_a_row >= _LONG_CLOSURE_DAYS, cap=_LONG_LOOK_DAYS),
    }


GROUP = PlanGroup(
    meanings={
        "days_since_closed": "days since the store was last closed, at most 14",
        "days_until_closed": "days until the store is next closed, at most 14",
        "closed_days_last_week": "number of closed days among the 7 days before",
        "closed_days_next_week": "number of closed days among the 7 days after",
        "days_since_long_closure": "days since the end of a closure of 14 days or more, at most 60",
    },
    cause="holidays",
    compute=_compute,
    look_back_days=_LONG_LOOK_DAYS + _LONG_CLOSURE_DAYS,
)
