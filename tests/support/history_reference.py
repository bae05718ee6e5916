"""Calculate the history features from labelled dates, with pandas for means, otherwise with loops.

The definitions are the meanings in ``history_feature_names`` and the docstrings of ``residuals``,
``cell_means`` and ``linear``, with every window and prior as a literal number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from rossmann_ml.features.panel import FeatureInputs

NAN = float("nan")


def back(day: date, days: int) -> date:
    """Return the day ``days`` days earlier."""
    return day - timedelta(days=days)


@dataclass(frozen=True)
class Past:
    """Sales, residuals and plan as of an origin, by labels.

    Attributes:
        origin: Last day of the sales.
        log_sales: Log sales, NaN where nothing was sold, days by stores.
        residuals: Log sales minus the linear forecast, days by stores.
        promo: Whether a promotion runs, past and future days by stores.
        states: State of each store, None if unknown.
    """

    origin: date
    log_sales: pd.DataFrame
    residuals: pd.DataFrame
    promo: pd.DataFrame
    states: list[str | None]

    @classmethod
    def of(cls, inputs: FeatureInputs, expected: np.ndarray, origin: date) -> Past:
        """Label the arrays; ``expected`` begins with the first day of the plan."""
        known = inputs.sales.sales[:, : (origin - inputs.sales.first_date).days + 1]
        days = [inputs.sales.first_date + timedelta(days=n) for n in range(known.shape[1])]
        sold = pd.DataFrame(known.T, index=days)
        log_sales = np.log(sold.where(sold > 0))
        start = (inputs.sales.first_date - inputs.plan.first_date).days
        linear = pd.DataFrame(expected[:, start : start + len(days)].T, index=days)
        promo = pd.DataFrame(inputs.plan.is_promo.T, index=inputs.plan.dates)
        states = inputs.stores.attributes["state"].to_list()
        return cls(origin, log_sales, log_sales - linear, promo, states)

    def last(self, days: int) -> pd.DataFrame:
        """Return the residuals of the last ``days`` days up to the origin."""
        return self.residuals.loc[back(self.origin, days - 1) : self.origin]

    def around(self, day: date, half: int) -> pd.DataFrame:
        """Return the residuals from ``half`` days before a day to ``half`` days after it."""
        return self.residuals.loc[back(day, half) : back(day, -half)]

    def of_state(self, store: int) -> pd.DataFrame:
        """Return the residuals of the stores in a store's state; unknown states are one state."""
        return self.residuals.loc[:, [state == self.states[store] for state in self.states]]


def pooled(residuals: pd.DataFrame) -> float:
    """Return the mean over all store-days, NaN without any."""
    return float(residuals.stack().mean())


def daily_zero(residuals: pd.DataFrame) -> pd.Series:
    """Return the mean of each day over the stores with sales; 0 on days without sales."""
    return residuals.mean(axis=1).fillna(0.0)


def last_days(past: Past, store: int, windows: list[int]) -> dict[str, float]:
    """Calculate the features of the last weeks and months that are the same on every target day."""
    eight_weeks = past.last(56)[store]
    promo = past.promo.loc[eight_weeks.index, store]
    four_weeks, four_weeks_of_state = past.last(28), past.of_state(store)
    four_weeks_of_state = four_weeks_of_state.loc[four_weeks.index]
    of_chain = {days: pooled(past.last(days)) for days in (7, 28)}
    return {
        **{f"residual_{days}d": past.last(days)[store].mean() for days in windows},
        "residual_promo_56d": eight_weeks[promo].mean(),
        "residual_no_promo_56d": eight_weeks[~promo].mean(),
        "residual_std_182d": past.last(182)[store].std(ddof=0),
        **{f"chain_residual_{d}d": 0.0 if math.isnan(m) else m for d, m in of_chain.items()},
        "state_residual_28d": daily_zero(four_weeks_of_state).mean()
        - daily_zero(four_weeks).mean(),
    }


def same_weekday(past: Past, store: int, target: date) -> float:
    """Return the mean residual of the target's weekday over the last 56 days."""
    eight_weeks = past.last(56)[store]
    return eight_weeks[[day.weekday() == target.weekday() for day in eight_weeks.index]].mean()


def last_year(past: Past, store: int, target: date) -> dict[str, float]:
    """Calculate the features of the days 364 and 728 days before the target day."""
    then, before = back(target, 364), back(target, 728)
    # the 21 days up to the origin 364 days earlier
    year_ago = past.around(back(past.origin, 364 + 10), 10)
    state = past.of_state(store).loc[back(then, 3) : back(then, -3)].mean(axis=1)
    return {
        "last_year_store": past.around(then, 0)[store].mean(),
        "last_year_store_7d": past.around(then, 3)[store].mean(),
        "last_year_store_21d": past.around(then, 10)[store].mean(),
        "last_year_change": past.around(then, 10)[store].mean() - year_ago[store].mean(),
        "last_year_chain": pooled(past.around(then, 0)),
        "last_year_chain_7d": pooled(past.around(then, 3)),
        "last_year_chain_change": pooled(past.around(then, 10)) - pooled(year_ago),
        "last_year_state_7d": state.mean(),
        "year_before_chain_7d": pooled(past.around(before, 3)),
        "year_before_store_21d": past.around(before, 10)[store].mean(),
    }


def month_edges(past: Past, store: int) -> dict[str, float]:
    """Calculate the mean residuals of the first and last 3 days of months, last 364 days."""
    year = past.last(364)[store]
    month_ends = {
        day: (pd.Timestamp(day) + pd.offsets.MonthEnd(0)).date().day for day in year.index
    }
    return {
        "month_start_residual": year[[day.day in {1, 2, 3} for day in year.index]].mean(),
        "month_end_residual": year[[day.day > month_ends[day] - 3 for day in year.index]].mean(),
    }


def observations(past: Past, store: int) -> dict[str, float]:
    """Count the days with sales, and the days since the last one."""
    sold = past.log_sales[store].dropna().index
    gap = (past.origin - max(sold)).days if len(sold) else 400
    return {
        "observed_days_91d": sum((past.origin - day).days < 91 for day in sold),
        "observed_days_364d": sum((past.origin - day).days < 364 for day in sold),
        "days_since_observed": min(gap, 400),
    }


def recent_shift(past: Past) -> list[float]:
    """Calculate the mean of residuals minus the chain's, with a half-life of 20 days.

    The mean covers 200 days, and a prior of five days of 0.
    """
    chain = past.residuals.mean(axis=1)
    shifts = []
    for store in past.residuals.columns:
        total, weight = 0.0, 5.0
        for day, value in past.residuals[store].dropna().items():
            age = (past.origin - day).days
            if age < 200:
                total += 0.5 ** (age / 20) * (value - chain[day])
                weight += 0.5 ** (age / 20)
        shifts.append(total / weight)
    return shifts


def group_means(total: list[float], weight: list[float], groups: list[int]) -> list[float]:
    """Return the mean of each store's group, with a prior of ten days of the chain's mean."""
    overall = sum(total) / sum(weight) if sum(weight) else 0.0
    means = []
    for group in groups:
        members = [store for store, other in enumerate(groups) if other == group]
        of_group = sum(total[store] for store in members) + 10 * overall
        means.append(of_group / (sum(weight[store] for store in members) + 10))
    return means


@dataclass(frozen=True)
class Cells:
    """Sums and means of log sales by store and cell: (weekday, promotion).

    Attributes:
        total: Sums of weight times log sales.
        weight: Sums of weights.
    """

    total: list[dict[tuple[int, bool], float]]
    weight: list[dict[tuple[int, bool], float]]


CELLS = [(weekday, promo) for promo in (False, True) for weekday in range(7)]


def cell_sums(past: Past, half_life: float) -> Cells:
    """Sum log sales by store and cell, with weights that halve with every half-life."""
    stores = past.log_sales.columns
    total = [dict.fromkeys(CELLS, 0.0) for _ in stores]
    weight = [dict.fromkeys(CELLS, 0.0) for _ in stores]
    for store in stores:
        for day, value in past.log_sales[store].dropna().items():
            cell = (day.weekday(), bool(past.promo.at[day, store]))
            counts = 0.5 ** ((past.origin - day).days / half_life)
            total[store][cell] += counts * value
            weight[store][cell] += counts
    return Cells(total, weight)


def cell_levels(
    cells: Cells, groups: list[int]
) -> tuple[list[dict[tuple[int, bool], float]], list[float]]:
    """Calculate the cells and level of each store: level, chain's shape and store's deviation.

    Levels and the chain's shape are calculated in turn, three times. The priors are one day of
    the group's level in a store's level, and four days of 0 in a store's deviation in a cell.
    """
    stores = range(len(groups))
    shape = dict.fromkeys(CELLS, 0.0)
    level = [0.0 for _ in stores]
    weight = [sum(cells.weight[store].values()) for store in stores]
    for _ in (1, 2, 3):
        above = [
            sum(cells.total[s][c] - cells.weight[s][c] * shape[c] for c in CELLS) for s in stores
        ]
        of_group = group_means(above, weight, groups)
        level = [(above[s] + 1.0 * of_group[s]) / (weight[s] + 1.0) for s in stores]
        for cell in CELLS:
            seen = sum(cells.weight[s][cell] for s in stores)
            above_level = sum(
                cells.total[s][cell] - cells.weight[s][cell] * level[s] for s in stores
            )
            shape[cell] = above_level / seen if seen else 0.0
    usual = []
    for s in stores:
        own = {
            c: (cells.total[s][c] - cells.weight[s][c] * (level[s] + shape[c]))
            / (cells.weight[s][c] + 4.0)
            for c in CELLS
        }
        usual.append({c: level[s] + shape[c] + own[c] for c in CELLS})
    return usual, level


def features(
    inputs: FeatureInputs,
    expected: np.ndarray,
    chain_shape: np.ndarray,
    own_shape: np.ndarray,
    *,
    origin: date,
    ahead: list[int],
    half_lives: list[int],
    windows: list[int],
) -> dict[str, np.ndarray]:
    """Calculate all history features by name, shape (stores, target days).

    Args:
        inputs: Stores, sales and plan.
        expected: Linear forecast of every day of the plan, shape (stores, days).
        chain_shape: Linear forecast by the chain's coefficients without level, (stores, days).
        own_shape: Linear forecast by the store's coefficients without level, (stores, days).
        origin: Forecast origin.
        ahead: Target days, as days after the origin.
        half_lives: Half-lives of the cell means in days.
        windows: Windows of the mean residuals in days.
    """
    past = Past.of(inputs, expected, origin)
    groups = group_numbers(inputs)
    levels = [cell_levels(cell_sums(past, half_life), groups) for half_life in half_lives]
    shift = recent_shift(past)

    def of_store_day(store: int, ahead: int) -> Iterator[tuple[str, float]]:
        target = origin + timedelta(days=ahead)
        column = (target - inputs.plan.first_date).days
        base = expected[store, column] + shift[store]
        yield "base_log_sales", base
        yield "chain_shape", chain_shape[store, column]
        yield "own_shape", own_shape[store, column] - chain_shape[store, column]
        cell = (target.weekday(), bool(past.promo.at[target, store]))
        for half_life, (usual, _) in zip(half_lives, levels, strict=True):
            yield f"cell_difference_{half_life}d", usual[store][cell] - base
        yield "residual_same_weekday_56d", same_weekday(past, store, target)
        yield from last_year(past, store, target).items()

    def of_store(store: int) -> Iterator[tuple[str, float]]:
        yield from last_days(past, store, windows).items()
        yield "level_trend", levels[0][1][store] - levels[-1][1][store]
        yield "store_level", levels[-1][1][store]
        yield "recent_shift", shift[store]
        yield from month_edges(past, store).items()
        yield from observations(past, store).items()

    return laid_out(of_store, of_store_day, len(groups), ahead)


def group_numbers(inputs: FeatureInputs) -> list[int]:
    """Number the pairs of store type and assortment."""
    pairs = inputs.stores.attributes.select("store_type", "assortment").rows()
    return [sorted(set(pairs)).index(pair) for pair in pairs]


def laid_out(
    of_store: Callable[[int], Iterator[tuple[str, float]]],
    of_store_day: Callable[[int, int], Iterator[tuple[str, float]]],
    stores: int,
    ahead: list[int],
) -> dict[str, np.ndarray]:
    """Fill arrays with the features of each store, and of each store and day."""
    found: dict[str, np.ndarray] = {}

    def place(name: str) -> np.ndarray:
        return found.setdefault(name, np.full((stores, len(ahead)), NAN))

    for store in range(stores):
        for name, value in of_store(store):
            place(name)[store] = value
        for column, days in enumerate(ahead):
            for name, value in of_store_day(store, days):
                place(name)[store, column] = value
    return found
