"""The distance of a day from Easter and Mother's Day, which move through the year."""

from __future__ import annotations

import numpy as np
from dateutil.easter import easter

from rossmann_ml.features.calendar import days_from_mothers_day
from rossmann_ml.features.grid import PlanGrid, StoreGrid
from rossmann_ml.features.groups import PlanGroup

# Days after Easter Sunday that are told apart: three weeks before it to Corpus Christi's weekend.
_DAYS_AROUND_EASTER = (-21, 62)
# Days about Mother's Day that are told apart: a week to either side.
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
        "days_from_easter": "days after Easter Sunday, negative before; -22 or 63 when further off",
        "days_from_mothers_day": "days after Mother's Day, negative before; -8 or 8 when further "
        "off",
    },
    cause="holidays",
    compute=_compute,
    look_back_days=0,
)
