"""Plan features: what is known in advance about a store-day, one module a group of features.

A module defines ``GROUP``, a :class:`rossmann_ml.features.groups.PlanGroup`, and is found in this
package. Never sales: those are in :mod:`rossmann_ml.features.history`.
"""

from __future__ import annotations

import numpy as np

from rossmann_ml.features.grid import Float32Array, PlanGrid, StoreGrid
from rossmann_ml.features.groups import PlanGroup, find_groups

# A fit depends on the order of its columns, so these keep theirs; groups that are not named come
# after them.
_FIRST = (
    *("weekday", "season", "feasts", "promo", "state_holidays", "school_holidays", "closures"),
    *("promo2", "competition"),
)


def plan_groups() -> list[PlanGroup]:
    """Return the groups of plan features, in the order of their columns."""
    return find_groups(__name__, _FIRST)


def plan_feature_names() -> dict[str, str]:
    """Return names and meanings of the plan features, in the order of their columns."""
    return {name: text for group in plan_groups() for name, text in group.meanings.items()}


def look_back_days() -> int:
    """Return the number of days before a day that no plan feature of the day looks beyond."""
    return max(group.look_back_days for group in plan_groups())


def plan_features(plan: PlanGrid, stores: StoreGrid) -> dict[str, Float32Array]:
    """Compute every plan feature for every store-day of a plan.

    Args:
        plan: The plan, past and future; days near its end see only as far as it goes.
        stores: The stores, in the plan's row order.

    Returns:
        By the names of :func:`plan_feature_names`, arrays that broadcast to (stores, days): shape
        (1, days) for what is the same in all stores, (stores, 1) for what never changes.
    """
    features: dict[str, Float32Array] = {}
    for group in plan_groups():
        computed = group.compute(plan, stores)
        features |= {name: np.asarray(computed[name], np.float32) for name in group.meanings}
    return features
