"""The drivers of each open row, compared with a reference that switches one row at a time.

See the docstrings of :mod:`rossmann_ml.forecasting.drivers` and ``Switchboard`` for the
definitions. The reference switches groups row by row, with a made-up model in which groups
interact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rossmann_ml.features.grid import StoreGrid
from rossmann_ml.forecasting.drivers.attribution import explain
from rossmann_ml.forecasting.drivers.typical_day import TypicalDay

ORIGIN = date(2015, 3, 20)  # a Friday
STORES, DAYS = (4, 7, 20), 8
STORE_GRID = StoreGrid(np.array(STORES, np.int64), pl.DataFrame({"store_id": STORES}))
GROUPS = ("weekday", "promo", "holidays", "season", "trend", "competition")
PARTS = ("level", *GROUPS, "bias_factor")
PLAN_FEATURES = {
    "day_of_week": "weekday", "is_promo": "promo", "days_since_promo": "promo",
    "is_school_holiday": "holidays", "days_until_closed": "holidays", "day_of_month": "season",
    "competition_distance_log_m": "competition", "competition_months": "competition",
}  # fmt: skip
OTHER_FEATURES = {
    "base_log_sales": "linear", "chain_shape": "linear", "own_shape": "linear",
    "store_level": "level", "observed_days_91d": "level", "horizon_days": "trend",
    "recent_shift": "trend", "cell_difference_60d": "trend", "cell_difference_180d": "trend",
    "residual_7d": "trend", "last_year_store": "trend",
    "month_end_residual": "season",
}  # fmt: skip
FEATURES = {**OTHER_FEATURES, **PLAN_FEATURES}
LOG_SHIFT = -0.0123456
_WEIGHT = {name: 0.1 * (1 + number % 7) for number, name in enumerate(FEATURES)}


@dataclass(frozen=True)
class World:
    panel: pl.DataFrame
    typical: TypicalDay


def world(seed: int) -> World:
    """Draw random features; the linear forecast is a level plus a contribution of every group."""
    chance = np.random.default_rng(seed)
    shape = (len(STORES), DAYS)
    own = {group: chance.normal(0, 0.2, shape) for group in GROUPS}
    chain = {group: chance.normal(0, 0.2, shape) for group in GROUPS}
    level, shift = chance.normal(8.5, 0.3, len(STORES)), chance.normal(0, 0.1, len(STORES))
    rows = []
    for store, store_id in enumerate(STORES):
        for day in range(DAYS):
            target = ORIGIN + timedelta(days=day + 1)
            chain_shape = sum(chain[group][store, day] for group in GROUPS) + 1
            own_total = sum(own[group][store, day] for group in GROUPS)
            rows.append(
                {
                    "forecast_origin": ORIGIN,
                    "store_id": store_id,
                    "target_date": target,
                    "is_open": bool(chance.random() < 0.8),
                    "base_log_sales": level[store] + own_total + shift[store],
                    "chain_shape": chain_shape,
                    "own_shape": own_total - chain_shape,
                    "store_level": level[store],
                    "observed_days_91d": 70.0 + store,
                    "horizon_days": day + 1,
                    "recent_shift": shift[store],
                    "cell_difference_60d": chance.normal(),
                    "cell_difference_180d": chance.normal(),
                    "residual_7d": chance.normal() if store else math.nan,
                    "last_year_store": chance.normal() if chance.random() < 0.7 else math.nan,
                    "month_end_residual": chance.normal(),
                    "day_of_week": target.isoweekday(),
                    "is_promo": float(chance.integers(2)),
                    "days_since_promo": float(chance.integers(4)),
                    "is_school_holiday": float(chance.integers(2)),
                    "days_until_closed": float(chance.integers(4)),
                    "day_of_month": target.day,
                    "competition_distance_log_m": (math.nan, 5.5, 8.25)[store],
                    "competition_months": (-1.0, 12.0, 0.0)[store],
                }
            )
    panel = pl.DataFrame(rows).with_columns(pl.col("store_id").cast(pl.Int32))
    floats = [name for name in FEATURES if name != "horizon_days"]
    panel = panel.with_columns(
        pl.col(floats).cast(pl.Float32), pl.col("horizon_days").cast(pl.Int32)
    )
    features = {
        name: chance.integers(0, 4, (len(STORES), 7)).astype(np.float32) for name in PLAN_FEATURES
    }
    typical = TypicalDay(ORIGIN, STORE_GRID, features, own, chain)
    return World(panel, typical)


def made_up_model(panel: pl.DataFrame) -> np.ndarray:
    """Return the linear forecast, a part of every feature, and products of adjacent features."""
    columns = [
        _WEIGHT[name] * np.tanh(np.nan_to_num(panel[name].cast(pl.Float64).to_numpy(), nan=0.7))
        for name in FEATURES
    ]
    base = panel["base_log_sales"].cast(pl.Float64).to_numpy()
    return base + 0.3 * sum(columns) + 0.5 * sum(one * two for one, two in pairwise(columns))


def switched(
    given_world: World,
    row: dict,
    on: frozenset[str],
    medians: dict[str, float],
    unknown: set[tuple[int, str]],
) -> dict:
    """Return one row with some groups switched on and all others at the store's typical day."""
    typical = given_world.typical
    store = STORES.index(row["store_id"])
    day = row["horizon_days"] - 1
    off = [group for group in GROUPS if group not in on]
    own = sum(typical.own[group][store, day] for group in off)
    chain = sum(typical.chain[group][store, day] for group in off)
    new = dict(row)
    new["base_log_sales"] -= own + (row["recent_shift"] if "trend" in off else 0)
    new["chain_shape"] -= chain
    new["own_shape"] -= own - chain
    for name, group in FEATURES.items():
        if group in {"linear", "level"}:
            continue
        wednesday = {
            "horizon_days": medians["horizon_days"],
            "day_of_week": 3.0,
            "competition_distance_log_m": medians["competition_distance_log_m"],
            "competition_months": medians["competition_months"],
        }.get(name, typical.features[name][store, 2] if name in PLAN_FEATURES else 0.0)
        if group not in {"promo", "holidays"}:
            if group not in on:
                # a feature that is unknown on all days of a store stays unknown
                new[name] = math.nan if (row["store_id"], name) in unknown else wednesday
            elif name.startswith("cell_difference"):
                new[name] += sum(typical.own[each][store, day]
                                 for each in ("holidays", "season") if each in off)  # fmt: skip
            continue
        usual = typical.features[name][store, row["target_date"].isoweekday() - 1]
        if group in on:
            # a value that is usual for the weekday is an effect of the weekday
            new[name] = wednesday if "weekday" in off and row[name] == usual else row[name]
        else:
            new[name] = wednesday if "weekday" in off else usual
    return new


def reference(given_world: World) -> tuple[list[dict[str, float]], list[float]]:
    """Return the contributions of every open row by one order and its reverse, and their sums."""
    rows = given_world.panel.filter("is_open").to_dicts()
    known = {
        name: [row[name] for row in rows if not math.isnan(row[name]) and row[name] >= 0]
        for name in ("horizon_days", "competition_distance_log_m", "competition_months")
    }
    medians = {name: float(np.median(values)) for name, values in known.items()}
    seen = {(row["store_id"], name) for row in rows for name in FEATURES
            if not math.isnan(row[name])}  # fmt: skip
    unknown = {(store, name) for store in STORES for name in FEATURES} - seen
    schema = dict.fromkeys(FEATURES, pl.Float32)
    shares = [dict.fromkeys(PARTS, 0.0) for _ in rows]

    def predict(on: frozenset[str]) -> np.ndarray:
        changed = [switched(given_world, row, on, medians, unknown) for row in rows]
        values = [{name: float(row[name]) for name in FEATURES} for row in changed]
        return made_up_model(pl.DataFrame(values, schema=schema))

    nothing = predict(frozenset())
    for order in (GROUPS, GROUPS[::-1]):
        after = nothing
        for place, group in enumerate(order):
            before = after
            after = predict(frozenset(order[: place + 1]))
            for number, share in enumerate(shares):
                share[group] += (after[number] - before[number]) / 2
    for number, share in enumerate(shares):
        share |= {"level": nothing[number], "bias_factor": LOG_SHIFT}
    totals = [float(value) + LOG_SHIFT for value in predict(frozenset(GROUPS))]
    return shares, totals


def explained(given_world: World) -> pl.DataFrame:
    return explain(
        given_world.panel,
        given_world.typical,
        made_up_model,  # type: ignore[arg-type]
        features=list(FEATURES),
        log_shift=LOG_SHIFT,
    )


@given(seed=st.integers(0, 10_000))
@settings(max_examples=6, deadline=None, derandomize=True)
def test_every_part_is_that_of_the_reference_in_log_units_and_in_sales(seed: int) -> None:
    given_world = world(seed)
    found = explained(given_world).to_dicts()
    shares, totals = reference(given_world)
    keys = given_world.panel.filter("is_open").select("store_id", "target_date").rows()
    assert [(row["store_id"], row["target_date"]) for row in found] == keys
    assert {row["forecast_origin"] for row in found} == {ORIGIN}
    for row, share, total in zip(found, shares, totals, strict=True):
        level = math.exp(share["level"])
        change = total - share["level"]
        mean = (math.exp(total) - level) / change
        for part in PARTS:
            # features are 32-bit floats, and contributions have six digits
            assert row[f"{part}_log"] == pytest.approx(share[part], abs=5e-6), part
            eur = level if part == "level" else mean * share[part]
            # two digits of seven parts, and an error of a few millionths converted to EUR
            assert row[f"{part}_eur"] == pytest.approx(eur, abs=0.04 + 5e-6 * mean), part


@given(seed=st.integers(0, 10_000))
@settings(max_examples=3, deadline=None, derandomize=True)
def test_figures_have_six_and_two_digits_and_the_trend_takes_the_rest(seed: int) -> None:
    given_world = world(seed)
    found = explained(given_world)
    rows = given_world.panel.filter("is_open")
    total = made_up_model(rows) + LOG_SHIFT
    for unit, digits, whole in (("log", 6, total), ("eur", 2, np.exp(total))):
        parts = {part: found[f"{part}_{unit}"].to_numpy() for part in PARTS}
        # the precision of sums of eight doubles of this size
        assert sum(parts.values()) == pytest.approx(whole, rel=1e-13)
        for part, values in parts.items():
            if part != "trend":
                assert (np.round(values, digits) == values).all(), part
                # no fewer digits are stored
                assert part == "bias_factor" or (np.round(values, digits - 1) != values).any()
        assert (np.round(parts["trend"], digits) != parts["trend"]).any()
        assert not np.signbit(parts["competition"][parts["competition"] == 0]).any()
    assert found["bias_factor_log"].unique().to_list() == [-0.012346]


def row_world(features: dict[str, list[float]], *, store_ids: list[int] | None = None) -> World:
    """Build open rows of given features on consecutive days, with a linear forecast of 8."""
    days = len(next(iter(features.values())))
    ids = store_ids or [4] * days
    number = [ids[:row].count(store) for row, store in enumerate(ids)]
    filled = {name: features.get(name, [0.0] * days) for name in FEATURES if name != "horizon_days"}
    filled["base_log_sales"] = features.get("base_log_sales", [8.0] * days)
    panel = pl.DataFrame(
        {
            "forecast_origin": [ORIGIN] * days,
            "store_id": pl.Series(ids, dtype=pl.Int32),
            "target_date": [ORIGIN + timedelta(days=day + 1) for day in number],
            "is_open": [True] * days,
            "horizon_days": pl.Series([day + 1 for day in number], dtype=pl.Int32),
            **{name: pl.Series(values, dtype=pl.Float32) for name, values in filled.items()},
        }
    )
    nothing = {group: np.zeros((len(STORES), days)) for group in GROUPS}
    features_of = {name: np.zeros((len(STORES), 7), np.float32) for name in PLAN_FEATURES}
    typical = TypicalDay(ORIGIN, STORE_GRID, features_of, nothing, nothing)
    return World(panel, typical)


def explain_by(given_world: World, *features: str) -> pl.DataFrame:
    """Explain by a model that sums some features, where missing values count as 1."""

    def add(panel: pl.DataFrame) -> np.ndarray:
        assert set(FEATURES) <= set(panel.columns)
        return 8 + sum(panel[name].fill_nan(1).cast(pl.Float64).to_numpy() for name in features)

    return explain(given_world.panel, given_world.typical, add,  # type: ignore[arg-type]
                   features=list(FEATURES), log_shift=0.0)  # fmt: skip


def test_a_day_with_an_unknown_feature_has_the_stores_typical_day() -> None:
    """The effect of a missing value belongs to the feature's own group, in both orders."""
    found = explain_by(row_world({"last_year_store": [0.5, math.nan, 0.0]}), "last_year_store")
    assert found["level_log"].to_list() == [8.0, 8.0, 8.0]
    assert found["trend_log"].to_list() == [0.5, 1.0, 0.0]
    first = explain_by(row_world({"last_year_store": [math.nan, 0.5, 0.0]}), "last_year_store")
    assert first["level_log"].to_list() == [8.0, 8.0, 8.0]
    assert first["trend_log"].to_list() == [1.0, 0.5, 0.0]
    # a feature that is unknown on all days of a store is unknown on its typical day
    never = explain_by(row_world({"last_year_store": [math.nan] * 2}), "last_year_store")
    assert never.select("level_log", "trend_log").rows() == [(9.0, 0.0)] * 2


@pytest.mark.parametrize(
    ("months", "typical"),
    [
        ([2.0, 3.0, 10.0], 3.0),
        ([2.0, 4.0, 0.0], 2.0),
        # a competitor that is not open yet or unknown does not count in the median
        ([2.0, -1.0, 4.0], 3.0),
        ([-1.0, -1.0, -1.0], -1.0),
    ],
)
def test_the_typical_competitor_is_the_median_of_those_that_are_known(
    months: list[float], typical: float
) -> None:
    given_world = row_world({"competition_months": months}, store_ids=list(STORES))
    found = explain_by(given_world, "competition_months")
    assert found["level_log"].to_list() == [8 + typical] * 3
    assert found["competition_log"].to_list() == [each - typical for each in months]


def test_the_typical_day_is_a_wednesday_in_the_middle_of_the_horizon() -> None:
    given_world = row_world({"day_of_week": [6.0, 7.0, 1.0, 2.0]})
    found = explain_by(given_world, "day_of_week", "horizon_days")
    assert found["level_log"].to_list() == [8 + 3 + 2.5] * 4
    assert found["weekday_log"].to_list() == [3, 4, -2, -1]
    assert found["trend_log"].to_list() == [-1.5, -0.5, 0.5, 1.5]


def test_a_linear_forecast_that_differs_without_any_group_is_refused() -> None:
    near = row_world({"base_log_sales": [8.0, 8.0, 8.00009]})
    assert len(explain_by(near, "residual_7d")) == 3
    apart = row_world(
        {"base_log_sales": [8.0, 8.0, 9.0, 9.00011, 8.0, 8.00013]},
        store_ids=[4, 4, 7, 7, 20, 20],
    )
    with pytest.raises(ValueError, match=r"store 20 still differs by 0\.0001 between days"):
        explain_by(apart, "residual_7d")


def test_a_panel_of_another_origin_or_with_a_store_that_is_not_there_is_refused() -> None:
    given_world = world(1)
    other = given_world.panel.with_columns(pl.col("forecast_origin").dt.offset_by("-1d"))
    with pytest.raises(ValueError, match=f"does not fit {ORIGIN}"):
        explained(replace(given_world, panel=other))
    for store in (5, 21):  # a store number between the others, and one after the last
        unknown = given_world.panel.with_columns(
            pl.when(pl.col("store_id") == 7).then(store).otherwise("store_id").alias("store_id")
        )
        with pytest.raises(ValueError, match=rf"not in the store table: \[{store}\]"):
            explained(replace(given_world, panel=unknown))
    many = given_world.panel.with_columns(pl.int_range(100, 100 + pl.len()).alias("store_id"))
    with pytest.raises(ValueError, match=r"\[100, 101, 102, 103, 104\]$"):
        explained(replace(given_world, panel=many.with_columns(is_open=True)))


def test_a_part_that_rounds_to_zero_is_no_negative_zero() -> None:
    found = explain_by(row_world({"day_of_month": [-1e-9, 1e-9]}), "day_of_month")
    for unit in ("log", "eur"):
        assert found[f"season_{unit}"].to_list() == [0.0, 0.0]
        assert not np.signbit(found[f"season_{unit}"].to_numpy()).any()
