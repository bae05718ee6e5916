"""Define feature groups (features computed together), and find the modules that declare them.

Each module in :mod:`rossmann_ml.features.plan` and :mod:`rossmann_ml.features.history` declares one
feature group in its variable ``GROUP``: a :class:`PlanGroup` or a :class:`HistoryGroup`. See
:mod:`rossmann_ml.features.driver_groups` for driver groups (groups of causes), by which a forecast
is explained.
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
            ``FeatureParams`` in braces, such as ``residual_{residual_windows_days}d``, declares one
            feature per value of the field.
        cause: Driver group (group of causes) of the features, used to explain a forecast.
        other_causes: Driver group by feature name, for features that do not belong to ``cause``.
            The names are written as in ``meanings``, with braces.
    """

    meanings: Mapping[str, str]
    cause: Cause
    other_causes: Mapping[str, Cause] = field(default_factory=dict)

    def names(self, params: FeatureParams) -> dict[str, str]:
        """Map the names of the group's features to their meanings, with parameters filled in.

        For example, ``residual_{residual_windows_days}d`` becomes ``residual_7d``, ``residual_14d``
        and so on, one name per value of the parameter, all with the same meaning.
        """
        return {
            _PARAMETER.sub(str(value), name): meaning
            for name, meaning in self.meanings.items()
            for value in _values(name, params)
        }

    def causes(self) -> dict[str, Cause]:
        """Map a regular expression for the name of each feature to the feature's driver group.

        In a name such as ``residual_{residual_windows_days}d``, the part in braces becomes an
        expression for digits, so that the group of ``residual_7d`` can be looked up without
        parameters. See :func:`rossmann_ml.features.driver_groups.feature_groups` for the look-up.
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
            arrays by feature name. Their shape is (stores, days), (1, days) if all stores have the
            same values, or (stores, 1) if all days have the same value. A store's values depend
            only on the store's own attributes and plan. Events after the plan's last day are
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
        compute: Function that takes the residuals up to the origin
            (:class:`rossmann_ml.features.residuals.Past`) and the number of target days, and
            returns arrays by feature name. They broadcast to (stores, horizon_days) and are NaN for
            stores with too little history.
    """

    compute: Callable[[Past, int], Mapping[str, np.ndarray]]


def find_groups(package: str, first: Sequence[str]) -> list[Any]:
    """Import every module in a package and return their ``GROUP`` variables, the feature groups.

    Args:
        package: Full name of the package.
        first: Names of the modules that come first, in this order, such as ``recent`` (without the
            package). Other modules follow in alphabetical order. A fixed order matters, because the
            order of columns changes a fit.
    """
    names = module_names(package)
    names.sort(key=lambda name: first.index(name) if name in first else len(first))
    return [import_module(f"{package}.{name}").GROUP for name in names]


def _values(name: str, params: FeatureParams) -> list[Any]:
    found = _PARAMETER.search(name)
    return getattr(params, found[1]) if found else [None]
