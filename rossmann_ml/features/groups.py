"""Define feature groups (features computed together), and find the modules that declare them.

Each module in :mod:`rossmann_ml.features.plan` and :mod:`rossmann_ml.features.history` declares one
feature group in its variable ``GROUP``: a :class:`PlanGroup` or a :class:`HistoryGroup`. See
:mod:`rossmann_ml.features.driver_groups` for groups of causes, which explain a forecast.
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
        meanings: Meaning of each feature by name, in column order. A name that contains a field of
            ``FeatureParams`` in braces, such as ``residual_{residual_windows_days}d``, declares
            one feature per value of the field.
        cause: Group of causes to which the features belong when a forecast is explained.
        other_causes: Group of causes by feature name, for features that do not belong to
            ``cause``.
    """

    meanings: Mapping[str, str]
    cause: Cause
    other_causes: Mapping[str, Cause] = field(default_factory=dict)

    def names(self, params: FeatureParams) -> dict[str, str]:
        """Map each feature's final name to its meaning.

        A name with a parameter in braces becomes one name per value of the parameter.
        """
        return {
            _PARAMETER.sub(str(value), name): meaning
            for name, meaning in self.meanings.items()
            for value in _values(name, params)
        }

    def causes(self) -> dict[str, Cause]:
        """Map each feature name to its group of causes.

        The names are regular expressions, in which a parameter in braces is a pattern for digits.
        """
        return {
            _PARAMETER.sub(r"\\d+", name): self.other_causes.get(name, self.cause)
            for name in self.meanings
        }


@dataclass(frozen=True, kw_only=True)
class PlanGroup(FeatureGroup):
    """Feature group that is computed from the plan, so its values are known in advance.

    Attributes:
        compute: Function that takes the plan and the stores (in the plan's row order) and returns
            an array by feature name. Arrays broadcast to (stores, days); they have one column, or
            one per day. A row depends only on its own store. Days past the end of the plan are
            ignored.
        look_back_days: A day's features depend on at most this many days before it.
        categorical: Names of features whose numbers are codes without an order.
    """

    compute: Callable[[PlanGrid, StoreGrid], Mapping[str, np.ndarray]]
    look_back_days: int
    categorical: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HistoryGroup(FeatureGroup):
    """Feature group that is computed from sales up to the origin, not from the target days' plan.

    Attributes:
        compute: Function that receives the past and the number of target days, and returns an
            array by feature name. Arrays broadcast to (stores, horizon_days) and are NaN for stores
            with too little history.
    """

    compute: Callable[[Past, int], Mapping[str, np.ndarray]]


def find_groups(package: str, first: Sequence[str]) -> list[Any]:
    """Import every module in a package and return their ``GROUP`` variables.

    Args:
        package: Full name of the package.
        first: Names of the modules that come first, in this order; other modules follow in
            alphabetical order.
    """
    names = module_names(package)
    names.sort(key=lambda name: first.index(name) if name in first else len(first))
    return [import_module(f"{package}.{name}").GROUP for name in names]


def _values(name: str, params: FeatureParams) -> list[Any]:
    found = _PARAMETER.search(name)
    return getattr(params, found[1]) if found else [None]
