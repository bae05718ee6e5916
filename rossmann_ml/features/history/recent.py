"""Compute features from the mean and spread of a store's residuals in the last weeks and months.

A residual is log sales minus the linear forecast. From these features, models learn how a store has
recently changed, and how regular its sales are.
"""

from __future__ import annotations

import numpy as np

from rossmann_ml.features.groups import HistoryGroup
from rossmann_ml.features.residuals import Past, mean_or_nan


def _compute(past: Past, horizon_days: int) -> dict[str, np.ndarray]:
    residuals, observed = past.residuals, past.observed
    features = {}
    for days in past.params.residual_windows_days:
        means = mean_or_nan(residuals[:, -days:].sum(axis=1), observed[:, -days:].sum(axis=1))
        features[f"residual_{days}d"] = means[:, None]

    recent, seen, promo = residuals[:, -56:], observed[:, -56:], past.is_promo[:, -56:]
    for name, chosen in (("promo", seen & promo), ("no_promo", seen & ~promo)):
        means = mean_or_nan((recent * chosen).sum(axis=1), chosen.sum(axis=1))
        features[f"residual_{name}_56d"] = means[:, None]
    by_weekday = np.eye(7)[past.weekdays[-56:]]
    weekday_means = mean_or_nan(recent @ by_weekday, seen @ by_weekday)
    target_weekdays = (past.weekdays[-1] + 1 + np.arange(horizon_days)) % 7
    features["residual_same_weekday_56d"] = weekday_means[:, target_weekdays]

    half_year, seen_half_year = residuals[:, -182:], observed[:, -182:].sum(axis=1)
    mean = mean_or_nan(half_year.sum(axis=1), seen_half_year)
    variance = mean_or_nan((half_year**2).sum(axis=1), seen_half_year) - mean**2
    features["residual_std_182d"] = np.sqrt(np.maximum(variance, 0))[:, None]
    return features


GROUP = HistoryGroup(
    meanings={
        "residual_{residual_windows_days}d": "mean residual (log sales minus the linear forecast) "
        "of the store over so many last days",
        "residual_promo_56d": "mean residual on promotion days among the last 56 days",
        "residual_no_promo_56d": "mean residual on days without promotion among the last 56 days",
        "residual_same_weekday_56d": "mean residual on the target day's weekday, last 56 days",
        "residual_std_182d": "standard deviation of the residuals of the last 182 days",
    },
    cause="trend",
    other_causes={"residual_std_182d": "level"},
    compute=_compute,
)
