"""Compute features from the distance to the nearest competitor and the months since it opened.

From these, models learn how a new competitor changes a store's sales.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from rossmann_ml.features.grid import PlanGrid, StoreGrid
from rossmann_ml.features.groups import PlanGroup

# Cap of the age: an older competitor counts as one that was always there.
_COMPETITION_LOOK_MONTHS = 36
_MONTH_DAYS = 365.25 / 12


def _compute(plan: PlanGrid, stores: StoreGrid) -> dict[str, np.ndarray]:
    table = stores.attributes
    dates = np.array(plan.dates, dtype="datetime64[D]")[None, :]
    opened = table["competition_open_since"].to_numpy().astype("datetime64[D]")[:, None]
    months_open = (dates - opened).astype(np.float64) / _MONTH_DAYS
    known = ~np.isnat(opened) & (months_open >= 0)
    distance = table["competition_distance_m"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return {
        "competition_distance_log_m": np.log1p(distance)[:, None],
        "competition_months": np.where(
            known, np.minimum(months_open, _COMPETITION_LOOK_MONTHS), -1
        ),
    }


GROUP = PlanGroup(
    meanings={
        "competition_distance_log_m": "log of 1 + the distance to the nearest competitor in metres",
        "competition_months": "months since the nearest competitor opened, at most 36; -1 before "
        "or if unknown",
    },
    cause="competition",
    compute=_compute,
    look_back_days=0,
)
