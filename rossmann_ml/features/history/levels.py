"""The level of a store, and how it has moved lately."""

from __future__ import annotations

import numpy as np

from rossmann_ml.features.groups import HistoryGroup
from rossmann_ml.features.residuals import Past


def _compute(past: Past) -> dict[str, np.ndarray]:
    levels = past.as_of.levels
    return {
        "level_trend": (levels[0].level - levels[-1].level)[:, None],
        "store_level": levels[-1].level[:, None],
        "recent_shift": past.as_of.shift[:, None],
    }


GROUP = HistoryGroup(
    meanings={
        "level_trend": "level with the shortest minus the longest half-life",
        "store_level": "the store's level without weekday and promotion",
        "recent_shift": "how far the store has lately been from its level",
    },
    cause="trend",
    other_causes={"store_level": "level"},
    compute=_compute,
)
