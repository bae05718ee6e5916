"""Assign every feature to exactly one group of causes.

A feature without a group raises an error that names it, so the drivers cannot silently leave out a
new feature. Each feature group declares the group of causes of its features, see
:mod:`rossmann_ml.features.groups`; :class:`rossmann_ml.features.linear_design.LinearDesign` has
those of linear columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from rossmann_ml.features.history import history_groups
from rossmann_ml.features.panel import STORE_FEATURES
from rossmann_ml.features.plan import plan_groups

LEVEL = "level"
"""Part of a forecast: sales of the store on its typical day. Its features are never switched."""
GROUPS = ("weekday", "promo", "holidays", "season", "trend", "competition")
"""Groups that are switched from the typical day to the forecast day, in this order and reversed."""
BIAS_FACTOR = "bias_factor"
"""Part of a forecast: the bias factor of the calibration, the same on every day."""
PARTS = (LEVEL, *GROUPS, BIAS_FACTOR)
"""All parts, which add up to a forecast."""
LINEAR_FEATURES = "linear"
"""Group of the linear forecast's features, recomputed from the groups that are switched on."""


def feature_groups(features: Iterable[str]) -> dict[str, str]:
    """Return the group of each feature: one of ``GROUPS``, ``LEVEL`` or ``LINEAR_FEATURES``.

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
