"""Compute features that count the days from Easter Sunday and from Mother's Day.

Their dates differ by year, so the day of the year cannot show their effect on sales.
"""

from __future__ import annotations

import numpy as np
from dateutil.easter import easter

from rossmann_ml.features.calendar import days_from_mothers_day
from rossmann_ml.features.grid import PlanGrid, StoreGrid
from rossmann_ml.features.groups import PlanGroup

# Days from Easter Sunday that differ: three weeks before it to the weekend of Corpus Christi.
_DAYS_AROUND_EASTER = (-21, 62)
# Days from Mother's Day that differ: one week before and after it.
_DAYS_AROUND_MOTHERS_DAY = 7


def _compute(plan: PlanGrid, _stores: StoreGrid) -> dict[str, np.ndarray]:
    from_easter = np.clip(
        [(day - easter(day.year)).days for day in plan.dates],
        _DAYS_AROUND_EASTER[0] - 1,
        _DAYS_AROUND_EASTER[1] + 1,
    )
    from_mothers_day = np.clip(
        [days_from_mothers_day(day) for day in plan.dates],
        -_DAYS_AROUND_MOTHERS_DAY - 1,
        _DAYS_AROUND_MOTHERS_DAY + 1,
    )
    return {
        "days_from_easter": from_easter[None, :],
        "days_from_mothers_day": from_mothers_day[None, :],
    }


GROUP = PlanGroup(
    meanings={
        "days_from_easter": "days from Easter Sunday, negative before it, limited to -22 and 63",
        "days_from_mothers_day": "days from Mother's Day, negative before it, limited to -8 and 8",
    },
    cause="holidays",
    compute=_compute,
    look_back_days=0,
)
