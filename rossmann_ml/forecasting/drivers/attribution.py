"""Split each forecast into sales on the typical day, contributions of drivers, and bias factor.

A driver's contribution is measured by predicting again with the features of some drivers set to
their values on the store's typical day. Contributions in log units are Shapley values (Jullum et
al., 2021, "groupShapley"), estimated from one order of the drivers and its reverse (antithetic
permutations: Mitchell et al., 2022, "Sampling Permutations for Shapley Value Estimation", JMLR 23).
The estimates equal the Shapley values if drivers interact only in pairs. Contributions are
converted to EUR by the logarithmic mean (Ang, 2005, "The LMDI approach to decomposition analysis",
Energy Policy 33). All parts always add up to the forecast, in log units and in EUR.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from rossmann_ml.features.driver_groups import BIAS_FACTOR, GROUPS, LEVEL, PARTS, feature_groups
from rossmann_ml.features.grid import Float32Array, FloatArray, IntArray
from rossmann_ml.features.history import BASE_COLUMN
from rossmann_ml.forecasting.drivers.typical_day import WEDNESDAY, WEEKDAY_BOUND, TypicalDay

# Decimals of stored contributions; rounded numbers need a third of the space. The trend takes the
# rounding error, so that contributions still add up.
_LOG_DIGITS = 6
_EUR_DIGITS = 2
_REST = "trend"
# Largest difference of the linear forecast between days of a store with all groups at the typical
# day, because of the rounding of 32-bit floats.
_LEVEL_TOLERANCE = 1e-4

Groups = frozenset[str]
Predict = Callable[[pl.DataFrame], FloatArray]
"""Function that predicts log sales of rows with all features: linear forecast plus departure."""


def contributions(
    value: Callable[[Groups], FloatArray], groups: Sequence[str]
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Split the difference between two forecasts into one contribution per group of features.

    A group that is on has the feature values of the forecast day; a group that is off has those of
    the typical day. The two forecasts are the one with all groups off and the one with all groups
    on. Groups are turned on one by one, once in the given order and once in reverse. A group's
    contribution is the mean of the two changes in the forecast when it is turned on.

    Args:
        value: Function that receives the names of the groups that are on, and returns the log
            forecasts, shape (rows,).
        groups: Names of all groups, in the given order.

    Returns:
        Log forecasts with all groups off, shape (rows,), and contributions in log units by group,
        each of shape (rows,). Both together add up to the log forecasts with all groups on.
    """
    nothing, everything = value(frozenset()), value(frozenset(groups))
    shares = {group: np.zeros_like(everything) for group in groups}
    for order in (groups, groups[::-1]):
        before = nothing
        for number, group in enumerate(order, start=1):
            after = everything if number == len(order) else value(frozenset(order[:number]))
            shares[group] += (after - before) / 2
            before = after
    return nothing, shares


def explain(
    panel: pl.DataFrame,
    typical: TypicalDay,
    predict: Predict,
    *,
    features: Sequence[str],
    log_shift: FloatArray | float,
) -> pl.DataFrame:
    """Split the forecasts for a panel's open days into contributions that add up to them.

    Args:
        panel: Panel built by :func:`rossmann_ml.features.panel.scoring_panel`.
        typical: Typical days of the stores, computed from sales up to the panel's origin.
        predict: Function of the model that predicts log sales, before the bias factor and before
            departures are centred, for rows with all features.
        features: Names of the features that the model uses.
        log_shift: Log of the bias factor minus the mean departure of the row's day, for each open
            row, shape (open rows,); or one number for all rows.

    Returns:
        One row per open store-day, in the panel's order: ``forecast_origin, store_id,
        target_date``, then two columns for each part of the forecast. The parts are ``level``
        (sales on the typical day), each driver group, and ``bias_factor``. The columns
        ``<part>_log`` add up to the log of the forecast, the columns ``<part>_eur`` to the forecast
        in EUR.

    Raises:
        ValueError: A feature belongs to no driver group, or the typical days were computed for
            another origin or from other data than the panel.
    """
    rows = panel.filter("is_open")
    switchboard = Switchboard.of(rows, typical, features)
    switchboard.check_same_level()

    def value(groups: Groups) -> FloatArray:
        if groups:
            return predict(switchboard.with_groups(groups))
        # without groups all days of a store have the same features, so one prediction is enough
        _, first, row_of = np.unique(
            rows["store_id"].to_numpy(), return_index=True, return_inverse=True
        )
        typical_rows = switchboard.with_groups(groups)[first.tolist()]
        return predict(typical_rows)[row_of]

    level, shares = contributions(value, GROUPS)
    logs = {LEVEL: level, **shares, BIAS_FACTOR: np.full(len(rows), log_shift)}
    total = np.sum(list(logs.values()), axis=0)
    logs = _rounded(logs, total, _LOG_DIGITS)
    eur = _rounded(in_sales(logs), np.exp(total), _EUR_DIGITS)
    return rows.select("forecast_origin", "store_id", "target_date").with_columns(
        *(pl.Series(f"{part}_log", logs[part]) for part in PARTS),
        *(pl.Series(f"{part}_eur", eur[part]) for part in PARTS),
    )


def in_sales(logs: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Convert contributions from log units to EUR.

    The part ``level`` becomes the sales on the typical day, B = exp(level). If F is the forecast,
    every other part x becomes x times the logarithmic mean (F - B) / (ln F - ln B). All parts then
    add up to F. The other parts keep their sign, and two of them that are equal in log units are
    equal in EUR.

    Args:
        logs: Contributions in log units by part, each of shape (rows,).

    Returns:
        Contributions in EUR by part, each of shape (rows,).
    """
    level = np.exp(logs[LEVEL])
    change = np.sum([part for name, part in logs.items() if name != LEVEL], axis=0)
    # the limit of expm1(x) / x is 1 where the forecast equals that of the typical day
    safe = np.where(change == 0, 1.0, change)
    mean = level * np.where(change == 0, 1.0, np.expm1(safe) / safe)
    return {name: level if name == LEVEL else mean * part for name, part in logs.items()}


def _rounded(
    parts: Mapping[str, FloatArray], total: FloatArray, digits: int
) -> dict[str, FloatArray]:
    rounded = {name: np.round(part, digits) + 0.0 for name, part in parts.items()}  # no -0.0
    others = np.sum([part for name, part in rounded.items() if name != _REST], axis=0)
    return {**rounded, _REST: total - others}


@dataclass(frozen=True)
class Switchboard:
    """Rows of a panel in which each driver group can be turned on or off, to measure its effect.

    Features of a group that is on have their values on the forecast day; features of a group that
    is off have their values on the store's typical day.

    Attributes:
        rows: Rows of the panel, in which all groups are on.
        group_of: Driver group by feature name.
        typical: Values on the store's typical day by feature name, each of shape (rows,); only for
            features of driver groups.
        of_weekday: Values on an ordinary day (no promotion, no holiday nearby) with the row's
            weekday, by feature name, each of shape (rows,). Only features of the groups ``promo``
            and ``holidays`` are in it. They have these values while their group is off and
            ``weekday`` is on.
        own: Log units that a driver group adds to the store's linear forecast for the row's day,
            compared with the typical day; by group, each of shape (rows,).
        chain: The same, with the chain's coefficients instead of the store's.
    """

    rows: pl.DataFrame
    group_of: dict[str, str]
    typical: dict[str, Float32Array]
    of_weekday: dict[str, Float32Array]
    own: dict[str, FloatArray]
    chain: dict[str, FloatArray]

    @classmethod
    def of(cls, rows: pl.DataFrame, typical: TypicalDay, features: Sequence[str]) -> Switchboard:
        """Build a switchboard by looking up the typical day of each row's store.

        Args:
            rows: Rows of a panel, with all features.
            typical: Typical days of all stores.
            features: Names of the features that the model uses.
        """
        group_of = feature_groups(features)
        store, day = typical.rows_of(rows)
        weekday = rows["target_date"].dt.weekday().to_numpy() - 1
        return cls(
            rows,
            group_of,
            {
                name: _typical_value(rows, name, group, typical, store)
                for name, group in group_of.items()
                if group in GROUPS
            },
            {
                name: typical.features[name][store, weekday]
                for name, group in group_of.items()
                if group in WEEKDAY_BOUND
            },
            {group: part[store, day] for group, part in typical.own.items()},
            {group: part[store, day] for group, part in typical.chain.items()},
        )

    def check_same_level(self) -> None:
        """Raise ValueError if the linear forecast without driver groups differs between days.

        Without a group, its columns have the values of the typical day.

        All days should then equal the store's typical day. A difference that remains would belong
        to no driver, so the contributions would be wrong.

        Raises:
            ValueError: The linear forecast differs by more than rounding, because one column of it
                has no group or the typical days were computed from other data than the panel.
        """
        bases = self.rows.select("store_id", base=self._linear(frozenset())[BASE_COLUMN])
        spread = bases.group_by("store_id").agg(pl.col("base").max() - pl.col("base").min())
        worst = spread.sort("base", "store_id").row(-1, named=True)
        if worst["base"] > _LEVEL_TOLERANCE:
            raise ValueError(
                f"without any group the linear forecast of store {worst['store_id']} still differs "
                f"by {worst['base']:.4f} between days, expected the same level on all: a group is "
                "left out, or the typical days are not those of this panel"
            )

    def with_groups(self, on: Groups) -> pl.DataFrame:
        """Return the rows with the given driver groups on and all other groups off.

        Args:
            on: Names of the groups that are on.

        Returns:
            The same rows and columns, with changed values of features whose group is off and of
            features that hold the linear forecast. A few features of groups that are on change
            too, see :meth:`_value`.
        """
        switched = {
            name: self._value(name, group, on)
            for name, group in self.group_of.items()
            if group in GROUPS
        }
        return self.rows.with_columns(
            pl.Series(name, values, dtype=pl.Float32)
            for name, values in {**self._linear(on), **switched}.items()
        )

    def _value(self, name: str, group: str, on: Groups) -> np.ndarray:
        """Compute the values of one feature with the given groups on and all other groups off.

        A feature keeps its values if its group is on, and gets the typical day's if its group is
        off, with three exceptions:

        - Group ``promo`` or ``holidays`` is off, ``weekday`` is on: its features get their values
          on an ordinary day with the row's weekday, because these differ by weekday.
        - Group ``promo`` or ``holidays`` is on, ``weekday`` is off: values equal to those of an
          ordinary day with the row's weekday are replaced by the typical day's.
        - Group ``trend`` is on, ``holidays`` or ``season`` is off: each of the two that is off
          has its log units in ``own`` added to the features ``cell_difference_*``, because these
          are a cell mean minus the linear forecast.

        Args:
            name: Name of the feature.
            group: Group to which the feature belongs, one of ``GROUPS``.
            on: Names of the groups that are on.

        Returns:
            Values, shape (rows,).
        """
        if group in WEEKDAY_BOUND and ("weekday" in on) != (group in on):
            if group not in on:
                return self.of_weekday[name]
            # a value that is usual for the weekday is an effect of the weekday, not of the group
            actual, usual = self.rows[name].to_numpy(), self.of_weekday[name]
            return np.where(actual == usual, self.typical[name], actual)
        if group not in on:
            return self.typical[name]
        if name.startswith("cell_difference_"):
            # the feature is a cell mean minus the linear forecast, which changes with these groups
            moved = sum(self.own[other] for other in ("holidays", "season") if other not in on)
            return self.rows[name].to_numpy() + moved
        return self.rows[name].to_numpy()

    def _linear(self, on: Groups) -> dict[str, FloatArray]:
        off = [group for group in GROUPS if group not in on]
        zero = np.zeros(len(self.rows))
        own = sum((self.own[group] for group in off), zero)
        chain = sum((self.chain[group] for group in off), zero)
        shift = self._column("recent_shift") if "trend" in off else zero
        return {
            BASE_COLUMN: self._column(BASE_COLUMN) - own - shift,
            "chain_shape": self._column("chain_shape") - chain,
            "own_shape": self._column("own_shape") - (own - chain),
        }

    def _column(self, name: str) -> FloatArray:
        return self.rows[name].cast(pl.Float64).to_numpy()


def _typical_value(
    rows: pl.DataFrame, name: str, group: str, typical: TypicalDay, store: IntArray
) -> Float32Array:
    actual = rows[name].cast(pl.Float32).to_numpy()
    if name == "horizon_days":
        values = np.full_like(actual, np.median(actual))
    elif name == "day_of_week":
        values = np.full_like(actual, WEDNESDAY + 1)
    elif group == "competition":
        # -1 months: the competitor is not open yet or unknown
        known = actual[actual >= 0]
        values = np.full_like(actual, np.median(known) if len(known) else -1)
    elif name in typical.features:
        values = typical.features[name][store, WEDNESDAY]
    else:
        values = np.zeros_like(actual)  # residuals of 0: sales equal the linear forecast
    # NaN on the typical day only if all days of the store are NaN, so that all days of a store
    # have the same typical day
    is_known = np.isin(store, store[~np.isnan(actual)])
    return np.where(is_known, values, np.nan).astype(np.float32)
