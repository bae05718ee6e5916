"""Compute a store's mean residuals on the first and on the last 3 days of months.

The means are over the last 364 days up to the origin. A residual is log sales minus the linear
forecast. From these features, models learn how a store differs from others around paydays.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from rossmann_ml.features.groups import HistoryGroup
from rossmann_ml.features.residuals import YEAR_DAYS, Past, mean_or_nan


def _compute(past: Past, _horizon_days: int) -> dict[str, np.ndarray]:
    days = past.residuals.shape[1]
    start = max(days - YEAR_DAYS, 0)
    dates = [past.first_date + timedelta(days=number) for number in range(start, days)]
    recent, seen = past.residuals[:, start:], past.observed[:, start:]
    edges = {
        "month_start_residual": np.array([day.day <= 3 for day in dates]),
        "month_end_residual": np.array([(day + timedelta(days=3)).day <= 3 for day in dates]),
    }
    return {
        name: mean_or_nan(recent[:, chosen].sum(axis=1), seen[:, chosen].sum(axis=1))[:, None]
        for name, chosen in edges.items()
    }


GROUP = HistoryGroup(
    meanings={
        "month_start_residual": "mean residual of the store on the first 3 days of months, over "
        "the last 364 days",
        "month_end_residual": "mean residual of the store on the last 3 days of months, over the "
        "last 364 days",
    },
    cause="season",
    compute=_compute,
)
