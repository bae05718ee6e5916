"""Compute features from the mean residuals of the chain and the store's state in recent weeks.

A residual is log sales minus the linear forecast.
"""

from __future__ import annotations

import numpy as np

from rossmann_ml.features.groups import HistoryGroup
from rossmann_ml.features.residuals import Past


def _compute(past: Past) -> dict[str, np.ndarray]:
    as_of, features = past.as_of, {}
    for days in (7, 28):
        seen_days = as_of.observed[:, -days:]
        chain = as_of.residuals[:, -days:].sum() / max(int(seen_days.sum()), 1)
        features[f"chain_residual_{days}d"] = np.full((1, 1), chain)
    state = as_of.states[:, -28:].mean(axis=1) - as_of.chain[-28:].mean()
    features["state_residual_28d"] = state[as_of.state_of_store][:, None]
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
