"""Count a store's days with sales in the last 91 and 364 days, and the days since the last one.

From these features, models learn how much history the store's other features are based on.
"""

from __future__ import annotations

import numpy as np

from rossmann_ml.features.groups import HistoryGroup
from rossmann_ml.features.residuals import Past


def _compute(past: Past, _horizon_days: int) -> dict[str, np.ndarray]:
    observed = past.observed
    reversed_days = observed[:, :-401:-1]
    gap = np.where(reversed_days.any(axis=1), reversed_days.argmax(axis=1), 400)
    return {
        "observed_days_91d": observed[:, -91:].sum(axis=1)[:, None],
        "observed_days_364d": observed[:, -364:].sum(axis=1)[:, None],
        "days_since_observed": gap[:, None],
    }


GROUP = HistoryGroup(
    meanings={
        "observed_days_91d": "number of days with sales among the last 91",
        "observed_days_364d": "number of days with sales among the last 364",
        "days_since_observed": "days from the last day with sales to the origin, at most 400",
    },
    cause="level",
    compute=_compute,
)
