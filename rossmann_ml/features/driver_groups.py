"""The groups of causes, and which feature and which linear column is in which.

Every feature of a panel and every column of the linear forecast is in exactly one group; one that
is in none is refused by name, so a new feature cannot be left out of the drivers in silence. Which
group a feature is in is said by its feature group (:mod:`rossmann_ml.features.groups`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from rossmann_ml.features.history import history_groups
from rossmann_ml.features.panel import STORE_FEATURES
from rossmann_ml.features.plan import plan_groups

LEVEL = "level"
"""What the store sells on its typical day; its features are never switched."""
GROUPS = ("weekday", "promo", "holidays", "season", "trend", "competition")
"""What is switched from the typical day to the day that is forecast, in this order and back."""
BIAS_FACTOR = "bias_factor"
"""The calibration of the whole forecast, the same on every day."""
PARTS = (LEVEL, *GROUPS, BIAS_FACTOR)
"""All that adds up to a forecast."""
LINEAR_FEATURES = "linear"
"""Features computed from the linear forecast; recomputed from the groups that are switched on."""

_BLOCKS = {
    "weekday": "weekday",
    "promo": "promo",
    "special_day": "holidays",
    "holiday": "holidays",
    "closing": "holidays",
    "month": "season",
    "season": "season",
    "trend": "trend",
}


def feature_groups(features: Iterable[str]) -> dict[str, str]:
    """Name the group of each feature: one of ``GROUPS``, ``LEVEL`` or ``LINEAR_FEATURES``.

    Raises:
        ValueError: A feature is in no group, or in more than one.
    """
    known: list[tuple[str, str]] = [
        ("horizon_days", "trend"),
        *((name, LEVEL) for name in STORE_FEATURES),
        *(each for group in plan_groups() for each in group.causes().items()),
        *(each for group in history_groups() for each in group.causes().items()),
    ]
    return {feature: _group_of(feature, known) for feature in features}


def _group_of(feature: str, known: list[tuple[str, str]]) -> str:
    found = sorted({group for pattern, group in known if re.fullmatch(pattern, feature)})
    groups = (LINEAR_FEATURES, LEVEL, *GROUPS)
    if len(found) != 1 or found[0] not in groups:
        raise ValueError(
            f"feature {feature} belongs to {' and '.join(found) or 'no group'}, expected one "
            f"group of drivers: {', '.join(groups)}"
        )
    return found[0]


def block_groups(blocks: Iterable[str]) -> dict[str, str]:
    """Name the group of each block of linear columns, one of ``GROUPS``.

    Raises:
        ValueError: A block is in no group.
    """
    names = list(dict.fromkeys(blocks))
    missing = [name for name in names if name not in _BLOCKS]
    if missing:
        raise ValueError(
            f"linear columns {', '.join(missing)} belong to no group of drivers; those that do: "
            f"{', '.join(_BLOCKS)}"
        )
    return {name: _BLOCKS[name] for name in names}
