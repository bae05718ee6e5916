"""Compute features from the position of a day in its month and year.

From these, models learn how sales change with the season and around paydays.
"""

from __future__ import annotations

import numpy as np

from rossmann_ml.features.calendar import (
    days_to_month_end,
    working_days_after,
    working_days_before,
)
from rossmann_ml.features.grid import PlanGrid, StoreGrid
from rossmann_ml.features.groups import PlanGroup


def _compute(plan: PlanGrid, _stores: StoreGrid) -> dict[str, np.ndarray]:
    dates = plan.dates
    columns = {
        "day_of_month": np.array([day.day for day in dates]),
        "days_to_month_end": np.array([days_to_month_end(day) for day in dates]),
        "working_days_before": working_days_before(dates),
        "working_days_after": working_days_after(dates),
        "month": np.array([day.month for day in dates]),
        "day_of_year": np.array([day.timetuple().tm_yday for day in dates]),
    }
    return {name: values[None, :] for name, values in columns.items()}


GROUP = PlanGroup(
    meanings={
        "day_of_month": "day of the month, 1 to 31",
        "days_to_month_end": "days until the last day of the month; 0 on it",
        "working_days_before": "number of working days of the month before the day",
        "working_days_after": "number of working days of the month after the day",
        "month": "month, 1 to 12",
        "day_of_year": "day of the year, 1 to 366",
    },
    cause="season",
    compute=_compute,
    look_back_days=0,
)
