"""Compute features from mean residuals of the chain, and of the store's state, in recent weeks.

A residual is log sales minus the linear forecast. From these features, models learn how the sales
of many stores have recently changed together.
"""

from __future__ import annotations

import numpy as np

from rossmann_ml.features.groups import HistoryGroup
from rossmann_ml.features.residuals import Past


def _compute(past: Past, _horizon_days: int) -> dict[str, np.ndarray]:
    features = {}
    for days in (7, 28):
        seen_days = past.observed[:, -days:]
        chain = past.residuals[:, -days:].sum() / max(int(seen_days.sum()), 1)
        features[f"chain_residual_{days}d"] = np.full((1, 1), chain)
    state = past.states[:, -28:].mean(axis=1) - past.chain[-28:].mean()
    features["state_residual_28d"] = state[past.state_of_store][:, None]
    return features


GROUP = HistoryGroup(
    meanings={
        "chain_residual_7d": "mean residual of the chain over the last 7 days",
        "chain_residual_28d": "mean residual of the chain over the last 28 days",
        "state_residual_28d": "mean residual of the state over the last 28 days, minus the chain's",
    },
    cause="trend",
    compute=_compute,
)
