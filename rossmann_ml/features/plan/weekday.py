"""Compute the feature ``day_of_week``, from which models learn the weekly pattern of sales."""

from __future__ import annotations

import numpy as np

from rossmann_ml.features.grid import PlanGrid, StoreGrid, weekdays
from rossmann_ml.features.groups import PlanGroup


def _compute(plan: PlanGrid, _stores: StoreGrid) -> dict[str, np.ndarray]:
    return {"day_of_week": weekdays(plan.first_date, plan.days)[None, :] + 1}


GROUP = PlanGroup(
    meanings={"day_of_week": "day of the week, 1 (Monday) to 7"},
    cause="weekday",
    compute=_compute,
    look_back_days=0,
)
