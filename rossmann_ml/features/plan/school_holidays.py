"""The school holidays of a day, and those before and after it."""

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
        "is_school_holiday": "schools are closed",
        "days_since_school_holiday_start": "days into the school holiday, at most 14; -1 outside",
        "days_until_school_holiday_end": "days left of the school holiday, at most 14; -1 outside",
        "days_until_school_holiday": "days until the next school holiday, at most 14",
        "school_days_since_holiday": "days since the last school holiday, at most 14",
    },
    cause="holidays",
    compute=_compute,
    look_back_days=LOOK_DAYS + 1,
)
