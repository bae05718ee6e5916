"""Define feature groups, and find the modules that declare them.

A feature group is a module of :mod:`rossmann_ml.features.plan` or
:mod:`rossmann_ml.features.history` that defines ``GROUP``: a :class:`PlanGroup` or a
:class:`HistoryGroup`. See :mod:`rossmann_ml.features.driver_groups` for the groups of causes.
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
        meanings: Meaning of each feature by name, in column order. A name with a field of
            ``FeatureParams`` in braces, such as ``residual_{residual_windows_days}d``, declares
            one feature per value of the field.
        cause: Group of causes of the features.
        other_causes: Group of causes by name, for features whose group is not ``cause``.
    """

    meanings: Mapping[str, str]
    cause: Cause
    other_causes: Mapping[str, Cause] = field(default_factory=dict)

    def names(self, params: FeatureParams) -> dict[str, str]:
        """Return the meaning of each feature by name, with the parameters' values in the names."""
        return {
            _PARAMETER.sub(str(value), name): meaning
            for name, meaning in self.meanings.items()
            for value in _values(name, params)
        }

    def causes(self) -> dict[str, Cause]:
        """Return the group of causes by feature name, where each name is a regular expression."""
        return {
            _PARAMETER.sub(r"\\d+", name): self.other_causes.get(name, self.cause)
            for name in self.meanings
        }


@dataclass(frozen=True, kw_only=True)
class PlanGroup(FeatureGroup):
    """Features of the plan, which are known in advance.

    Attributes:
        compute: Function that computes the features by name from the plan and its stores (in the
            plan's row order). The arrays broadcast to (stores, days), with one column or one per
            day. A row depends on its own store only. Days past the end of the plan do not count.
        look_back_days: Number of days before a day on which its features depend.
        categorical: Names of features whose numbers have no order.
    """

    compute: Callable[[PlanGrid, StoreGrid], Mapping[str, np.ndarray]]
    look_back_days: int
    categorical: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HistoryGroup(FeatureGroup):
    """Features of the sales up to the origin, independent of the plan of the target days.

    Attributes:
        compute: Function that computes the features by name from the past and the number of days
            of the horizon. The arrays broadcast to (stores, horizon_days); NaN where a store lacks
            the history.
    """

    compute: Callable[[Past, int], Mapping[str, np.ndarray]]


def find_groups(package: str, first: Sequence[str]) -> list[Any]:
    """Return ``GROUP`` of every module in a package.

    Args:
        package: Full name of the package.
        first: Names of the modules that come first, in this order; others follow alphabetically.
    """
    names = module_names(package)
    names.sort(key=lambda name: first.index(name) if name in first else len(first))
    return [import_module(f"{package}.{name}").GROUP for name in names]


def _values(name: str, params: FeatureParams) -> list[Any]:
    found = _PARAMETER.search(name)
    return getattr(params, found[1]) if found else [None]
