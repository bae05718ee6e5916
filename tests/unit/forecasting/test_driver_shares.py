"""Contributions of groups of causes: Shapley values by two orders, in log units and EUR.

Definitions: Jullum et al. (2021), "groupShapley": a group's contribution is the mean over orders
of what it adds to the groups before it; Mitchell et al. (2022): one order and its reverse; Ang
(2005), LMDI: the logarithmic mean converts them to sales.
"""

from __future__ import annotations

import math
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rossmann_ml.forecasting.drivers.attribution import contributions, in_sales

VALUES = st.floats(-2, 2).map(lambda value: round(value, 3))
Game = dict[frozenset[str], tuple[float, float]]


def subsets(groups: str) -> list[frozenset[str]]:
    return [frozenset(some) for size in range(len(groups) + 1)
            for some in combinations(groups, size)]  # fmt: skip


@st.composite
def games(draw: st.DrawFn) -> Game:
    """Draw the forecasts of two rows for every subset of four groups."""
    return {some: (draw(VALUES), draw(VALUES)) for some in subsets("abcd")}


def by_orders(game: Game, orders: list[tuple[str, ...]]) -> dict[str, list[float]]:
    """Return the mean over orders of what each group adds to the groups before it."""
    shares = {}
    for group in orders[0]:
        added = []
        for order in orders:
            before = frozenset(order[: order.index(group)])
            with_it = game[before | {group}]
            added.append([new - old for new, old in zip(with_it, game[before], strict=True)])
        shares[group] = [math.fsum(row) / len(orders) for row in zip(*added, strict=True)]
    return shares


@given(game=games())
@settings(max_examples=20, deadline=None, derandomize=True)
def test_a_contribution_is_the_mean_over_one_order_and_its_reverse(
    game: Game,
) -> None:
    nothing, shares = contributions(lambda on: np.array(game[on]), "abcd")
    expected = by_orders(game, [tuple("abcd"), tuple("dcba")])
    assert tuple(nothing) == game[frozenset()]
    assert list(shares) == list("abcd")
    for group, share in shares.items():
        assert share == pytest.approx(expected[group], abs=1e-12)
    total = nothing + sum(shares.values())
    assert total == pytest.approx(np.array(game[frozenset("abcd")]), abs=1e-12)


@given(
    alone=st.lists(VALUES, min_size=4, max_size=4), pairs=st.lists(VALUES, min_size=6, max_size=6)
)
@settings(max_examples=20, deadline=None, derandomize=True)
def test_contributions_are_exact_if_groups_interact_only_in_pairs(
    alone: list[float], pairs: list[float]
) -> None:
    own = dict(zip("abcd", alone, strict=True))
    together = dict(zip(combinations("abcd", 2), pairs, strict=True))
    game = {
        some: (
            sum(own[group] for group in some)
            + sum(worth for pair, worth in together.items() if some.issuperset(pair)),
        )
        for some in subsets("abcd")
    }
    _, shares = contributions(lambda on: np.array(game[on]), "abcd")
    shapley = by_orders(game, list(permutations("abcd")))  # type: ignore[arg-type]
    for group, share in shares.items():
        assert share == pytest.approx(shapley[group], abs=1e-12)


def test_six_groups_need_twelve_predictions() -> None:
    asked: list[frozenset[str]] = []

    def value(on: frozenset[str]) -> np.ndarray:
        asked.append(on)
        return np.array([float(len(on))])

    contributions(value, "abcdef")
    assert len(asked) == 12  # no group, all groups, and five steps in each direction
    assert len(set(asked)) == 12


def test_a_single_group_has_all_of_the_difference() -> None:
    nothing, shares = contributions(lambda on: np.array([3.0 if on else 1.0]), ["only"])
    assert (nothing[0], shares["only"][0]) == (1.0, 2.0)


def logarithmic_mean(high: float, low: float) -> float:
    return low if high == low else (high - low) / (math.log(high) - math.log(low))


@given(
    level=st.floats(4, 10),
    parts=st.lists(st.floats(-1, 1), min_size=1, max_size=4),
)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_a_part_in_sales_is_its_log_times_the_logarithmic_mean(
    level: float, parts: list[float]
) -> None:
    logs = {f"part-{number}": np.array([part]) for number, part in enumerate(parts)}
    # the level may be at any position among the parts
    found = in_sales({**logs, "level": np.array([level])})
    typical, forecast = math.exp(level), math.exp(level + math.fsum(parts))
    assert found["level"][0] == pytest.approx(typical, rel=1e-12)
    near_typical = abs(math.fsum(parts)) < 1e-4  # the quotient is imprecise there
    mean = typical if near_typical else logarithmic_mean(forecast, typical)
    for number, part in enumerate(parts):
        expected = pytest.approx(part * mean, rel=1e-4 if near_typical else 1e-9, abs=1e-9)
        assert found[f"part-{number}"][0] == expected
    assert sum(part[0] for part in found.values()) == pytest.approx(forecast, rel=1e-9)


def test_parts_that_cancel_out_are_in_proportion_to_the_typical_day() -> None:
    found = in_sales({"level": np.log([200.0]), "a": np.array([0.25]), "b": np.array([-0.25])})
    assert found["a"][0] == pytest.approx(50.0, rel=1e-12)
    assert found["b"][0] == pytest.approx(-50.0, rel=1e-12)
    assert found["level"][0] == pytest.approx(200.0, rel=1e-12)
