"""The groups of causes, and which feature and which linear column is in which.

Every feature of a panel and every column of the linear forecast is in exactly one group; one that
is in none is refused by name, so a new feature cannot be left out of the drivers in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

LEVEL = "level"
"""What the store sells on its typical day; its features are never switched."""
GROUPS = ("weekday", "promo", "holidays", "season", "trend", "competition")
"""What is switched from the typical day to the day that is forecast, in this order and back."""
BIAS_FACTOR = "bias_factor"
"""The calibration of the whole forecast, the same on every day."""
PARTS = (LEVEL, *GROUPS, BIAS_FACTOR)
"""All that adds up to a forecast."""
LINEAR = "linear"
"""Features that say what the linear forecast says: made anew from the groups switched on."""

FEATURE_PATTERNS = {
    LINEAR: ("base_log_sales", "chain_shape", "own_shape"),
    LEVEL: (
        *("store_type", "assortment", "state", "store_level", "residual_std_182d"),
        *("observed_days_91d", "observed_days_364d", "days_since_observed"),
    ),
    "weekday": ("day_of_week",),
    "promo": (
        *("is_promo", "promo_day_number", "days_to_promo_end", "days_since_promo"),
        *("days_until_promo", "promo_days_last_week", "promo_days_next_week"),
        *("days_between_promos", "is_promo2_month", "promo2_weeks"),
    ),
    "holidays": (
        *("days_from_easter", "days_from_mothers_day", "state_holiday"),
        "days_since_state_holiday",
        *("days_until_state_holiday", "next_state_holiday", "is_school_holiday"),
        *("days_since_school_holiday_start", "days_until_school_holiday_end"),
        *("days_until_school_holiday", "school_days_since_holiday"),
        *("days_since_closed", "days_until_closed", "closed_days_last_week"),
        *("closed_days_next_week", "days_since_long_closure"),
    ),
    "season": (
        *("day_of_month", "days_to_month_end", "month", "day_of_year"),
        *("working_days_before", "working_days_after"),
        *("month_start_residual", "month_end_residual"),
    ),
    "trend": (
        *("horizon_days", "level_trend", "recent_shift", "state_residual_28d"),
        *("last_year_change", "last_year_chain_change"),
        *(r"cell_difference_\d+d", r"(chain_)?residual_\d+d", r"residual_(no_)?promo_56d"),
        *("residual_same_weekday_56d", r"last_year_(store|chain|state)(_\d+d)?"),
        r"year_before_(chain|store)_\d+d",
    ),
    "competition": ("competition_distance_log_m", "competition_months"),
}
"""Names of features by group; half-lives and windows are parameters, so these are patterns."""

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
    """Name the group of each feature: one of ``GROUPS``, ``LEVEL`` or ``LINEAR``.

    Raises:
        ValueError: A feature is in no group, or in more than one.
    """
    return {feature: _group_of(feature) for feature in features}


def _group_of(feature: str) -> str:
    found = [
        group
        for group, patterns in FEATURE_PATTERNS.items()
        if any(re.fullmatch(pattern, feature) for pattern in patterns)
    ]
    if len(found) != 1:
        raise ValueError(
            f"feature {feature} belongs to {' and '.join(found) or 'no group'}, expected one "
            f"group of drivers: {', '.join(FEATURE_PATTERNS)}"
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
