"""Compute plan features: what is known in advance about a store-day.

Each module in this package is one feature group: it defines ``GROUP``, a
:class:`rossmann_ml.features.groups.PlanGroup`. See :mod:`rossmann_ml.features.history` for features
that are computed from past sales.
"""

from __future__ import annotations

import numpy as np

from rossmann_ml.features.grid import Float32Array, PlanGrid, StoreGrid
from rossmann_ml.features.groups import PlanGroup, find_groups

# The order of columns changes a fit, so these groups keep their order; all others follow.
_FIRST = (
    *("weekday", "season", "feasts", "promo", "state_holidays", "school_holidays", "closures"),
    *("promo2", "competition"),
)


def plan_groups() -> list[PlanGroup]:
    """Return all feature groups that are computed from the plan, in column order."""
    return find_groups(__name__, _FIRST)


def plan_feature_names() -> dict[str, str]:
    """Map the name of each plan feature to its meaning, in column order."""
    return {name: text for group in plan_groups() for name, text in group.meanings.items()}


def look_back_days() -> int:
    """Return the largest number of days by which a day's plan features look back.

    A plan that is cut to save time must begin at least this many days before the first day needed.
    """
    return max(group.look_back_days for group in plan_groups())


def plan_features(plan: PlanGrid, stores: StoreGrid) -> dict[str, Float32Array]:
    """Compute every plan feature for every store-day of a plan.

    Args:
        plan: Plan of past and future days. Days after its last day count as days without event: no
            holiday, no closed day, no start or end of a promotion.
        stores: Stores, in the plan's row order.

    Returns:
        One array per feature, in the order of :func:`plan_feature_names`. Its shape is (stores,
        days), (1, days) if all stores have the same values, or (stores, 1) if all days have the
        same value.
    """
    features: dict[str, Float32Array] = {}
    for group in plan_groups():
        computed = group.compute(plan, stores)
        features |= {name: np.asarray(computed[name], np.float32) for name in group.meanings}
    return features
