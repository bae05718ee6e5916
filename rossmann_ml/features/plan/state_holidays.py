"""Compute features from state holidays on a day, before it and after it.

From these, models learn how sales change on holidays and around them.
"""

from __future__ import annotations

import numpy as np

from rossmann_ml.features.grid import LOOK_DAYS, PlanGrid, StoreGrid, days_since, days_until
from rossmann_ml.features.groups import PlanGroup


def _compute(plan: PlanGrid, _stores: StoreGrid) -> dict[str, np.ndarray]:
    holiday = plan.state_holiday > 0
    until_holiday = days_until(holiday, cap=LOOK_DAYS)
    column = np.minimum(
        np.arange(plan.days)[None, :] + until_holiday.astype(np.int64), plan.days - 1
    )
    next_kind = np.take_along_axis(plan.state_holiday, column, axis=1)
    return {
        "state_holiday": plan.state_holiday,
        "days_since_state_holiday": days_since(holiday, cap=LOOK_DAYS),
        "days_until_state_holiday": until_holiday,
        "next_state_holiday": np.where(until_holiday < LOOK_DAYS, next_kind, 0),
    }


GROUP = PlanGroup(
    meanings={
        "state_holiday": "kind of state holiday: 0 none, 1 public, 2 Easter, 3 Christmas",
        "days_since_state_holiday": "days since the last state holiday, at most 14; 0 on one",
        "days_until_state_holiday": "days until the next state holiday, at most 14; 0 on one",
        "next_state_holiday": "kind of the next state holiday within 13 days; 0 if none",
    },
    cause="holidays",
    compute=_compute,
    look_back_days=LOOK_DAYS,
    categorical=("state_holiday", "next_state_holiday"),
)
