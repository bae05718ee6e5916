"""Compute features from school holidays on a day, before it and after it.

From these, models learn how sales change in school holidays and around them.
"""

from __future__ import annotations

import numpy as np

from rossmann_ml.features.grid import LOOK_DAYS, PlanGrid, StoreGrid, days_since, days_until
from rossmann_ml.features.groups import PlanGroup


def _compute(plan: PlanGrid, _stores: StoreGrid) -> dict[str, np.ndarray]:
    school = plan.is_school_holiday
    return {
        "is_school_holiday": school,
        "days_since_school_holiday_start": np.where(
            school, days_since(~school, cap=LOOK_DAYS + 1) - 1, -1
        ),
        "days_until_school_holiday_end": np.where(
            school, days_until(~school, cap=LOOK_DAYS + 1) - 1, -1
        ),
        "days_until_school_holiday": days_until(school, cap=LOOK_DAYS),
        "school_days_since_holiday": days_since(school, cap=LOOK_DAYS),
    }


GROUP = PlanGroup(
    meanings={
        "is_school_holiday": "1 if schools are closed, else 0",
        "days_since_school_holiday_start": "days since the first day of the school holidays, at "
        "most 14; -1 outside them",
        "days_until_school_holiday_end": "days until the last day of the school holidays, at most "
        "14; -1 outside them",
        "days_until_school_holiday": "days until the next day of school holidays, at most 14; 0 "
        "on one",
        "school_days_since_holiday": "days since the last day of school holidays, at most 14; 0 "
        "on one",
    },
    cause="holidays",
    compute=_compute,
    look_back_days=LOOK_DAYS + 1,
)
