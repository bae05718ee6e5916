"""Assign every feature to exactly one driver group, so that forecasts can be explained by drivers.

A driver group is a group of causes, such as ``promo`` or ``holidays``. A feature without a driver
group raises an error that names it, so the explanation cannot silently omit a new feature. The
modules that compute features declare their driver groups, see :mod:`rossmann_ml.features.groups`.
:class:`rossmann_ml.features.linear_design.LinearDesign` holds the driver groups of the linear
forecast's columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from rossmann_ml.features.history import history_groups
from rossmann_ml.features.panel import STORE_FEATURES
from rossmann_ml.features.plan import plan_groups

LEVEL = "level"
"""Part of a forecast: sales of the store on its typical day.

Features in this group are not switched to the typical day; they keep their actual values."""
GROUPS = ("weekday", "promo", "holidays", "season", "trend", "competition")
"""Groups of causes whose contributions are measured when a forecast is explained.

Their features are switched from the typical day to the forecast day, group by group, once in this
order and once in reverse."""
BIAS_FACTOR = "bias_factor"
"""Part of a forecast: the bias factor, the centring of departures and the chain's correction.

It is the same in all stores on a day."""
PARTS = (LEVEL, *GROUPS, BIAS_FACTOR)
"""All parts into which a forecast is split; they add up to the forecast."""
LINEAR_FEATURES = "linear"
"""Group of the features that hold the linear forecast.

They are recomputed from the groups of causes that are switched to the forecast day."""


def feature_groups(features: Iterable[str]) -> dict[str, str]:
    """Look up the driver group of each feature, by which a forecast is explained.

    Args:
        features: Names of features.

    Returns:
        Group by feature name: one of ``GROUPS`` (weekday, promo, holidays, season, trend,
        competition), ``LEVEL`` for features that describe the store itself, or ``LINEAR_FEATURES``
        for features that hold the linear forecast.

    Raises:
        ValueError: A feature has no group, an unknown group, or more than one.
    """
    known: list[tuple[str, str]] = [
        ("horizon_days", "trend"),
        *((name, LEVEL) for name in STORE_FEATURES),
        *(each for group in plan_groups() for each in group.causes().items()),
        *(each for group in history_groups() for each in group.causes().items()),
    ]
    groups = (LINEAR_FEATURES, LEVEL, *GROUPS)
    group_of = {}
    for feature in features:
        found = sorted({group for pattern, group in known if re.fullmatch(pattern, feature)})
        if len(found) != 1 or found[0] not in groups:
            raise ValueError(
                f"feature {feature} belongs to {' and '.join(found) or 'no group'}, expected one "
                f"group of drivers: {', '.join(groups)}"
            )
        group_of[feature] = found[0]
    return group_of
