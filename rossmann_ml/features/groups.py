"""Feature groups: what a module of features says of itself, and how such modules are found.

A feature group is a module of :mod:`rossmann_ml.features.plan` or
:mod:`rossmann_ml.features.history` that defines ``GROUP``. Belongs here: the form of a group. What
the groups of causes are is in :mod:`rossmann_ml.features.driver_groups`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

import numpy as np

from rossmann_ml.base.params import FeatureParams
from rossmann_ml.base.plugins import module_names
from rossmann_ml.features.grid import PlanGrid, StoreGrid
from rossmann_ml.features.residuals import Past

Cause = Literal["linear", "level", "weekday", "promo", "holidays", "season", "trend", "competition"]
_PARAMETER = re.compile(r"{(\w+)}")


@dataclass(frozen=True, kw_only=True)
class FeatureGroup:
    """Features that are computed together.

    Attributes:
        meanings: Meaning of each feature by name, in the order of their columns. A name with a
            field of ``FeatureParams`` in braces, such as ``residual_{residual_windows_days}d``,
            stands for one feature for each value of the field.
        cause: Group of causes to which the features belong.
        other_causes: The same for the names that belong to another one.
    """

    meanings: Mapping[str, str]
    cause: Cause
    other_causes: Mapping[str, Cause] = field(default_factory=dict)

    def names(self, params: FeatureParams) -> dict[str, str]:
        """Return names and meanings of the features that these parameters give."""
        return {
            _PARAMETER.sub(str(value), name): meaning
            for name, meaning in self.meanings.items()
            for value in _values(name, params)
        }

    def causes(self) -> dict[str, Cause]:
        """Return the group of causes by name, each name as a regular expression."""
        return {
            _PARAMETER.sub(r"\\d+", name): self.other_causes.get(name, self.cause)
            for name in self.meanings
        }


@dataclass(frozen=True, kw_only=True)
class PlanGroup(FeatureGroup):
    """Features that are known in advance.

    Attributes:
        compute: Computes the features by name from the plan and its stores, in the plan's row
            order. The arrays broadcast to (stores, days) and have either one column or one for
            each day; a row depends on its own store only. Days near the end of the plan see only
            as far as it goes.
        look_back_days: Number of days before a day that its features look at.
        categorical: Names of features whose numbers have no order.
    """

    compute: Callable[[PlanGrid, StoreGrid], Mapping[str, np.ndarray]]
    look_back_days: int
    categorical: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HistoryGroup(FeatureGroup):
    """Features that are known at the origin, whatever is planned for the target days.

    Attributes:
        compute: Computes the features by name; the arrays broadcast to (stores, horizon_days),
            NaN where a store has nothing to compute it from.
    """

    compute: Callable[[Past], Mapping[str, np.ndarray]]


def find_groups(package: str, first: Sequence[str]) -> list[Any]:
    """Return ``GROUP`` of every module in a package.

    Args:
        package: Its full name.
        first: Names of the modules that come first, in this order; others follow by name.
    """
    names = module_names(package)
    names.sort(key=lambda name: first.index(name) if name in first else len(first))
    return [import_module(f"{package}.{name}").GROUP for name in names]


def _values(name: str, params: FeatureParams) -> list[Any]:
    found = _PARAMETER.search(name)
    return getattr(params, found[1]) if found else [None]
