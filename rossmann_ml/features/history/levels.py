"""Compute features from the level of a store: the level, its trend, and the recent shift.

The level is log sales without the effects of weekday and promotion, here with the last half-life in
``params.yaml`` (the longest). The trend is the level with the first half-life (the shortest) minus
this level. See :func:`rossmann_ml.features.linear.recent_shift` for the recent shift.
"""

from __future__ import annotations

import numpy as np

from rossmann_ml.features.groups import HistoryGroup
from rossmann_ml.features.residuals import Past


def _compute(past: Past, _horizon_days: int) -> dict[str, np.ndarray]:
    levels = past.levels
    return {
        "level_trend": (levels[0].level - levels[-1].level)[:, None],
        "store_level": levels[-1].level[:, None],
        "recent_shift": past.shift[:, None],
    }


GROUP = HistoryGroup(
    meanings={
        "level_trend": "level of the store with the shortest half-life, minus the longest",
        "store_level": "log sales of the store without the effects of weekday and promotion",
        "recent_shift": "mean residual of the store over the last weeks, minus the chain's",
    },
    cause="trend",
    other_causes={"store_level": "level"},
    compute=_compute,
)
