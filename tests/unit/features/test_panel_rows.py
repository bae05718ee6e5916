"""Rows, order and targets of panels, compared with loops over small worlds.

See the docstrings of :mod:`rossmann_ml.features.panel` for the definitions.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from support.panel_world import FIRST_DAY, HORIZON_DAYS, ORIGIN, PARAMS, World, worlds
from support.plan_reference import PlanDay, StorePlan, store_frame

from rossmann_ml.features.grid import StoreGrid
from rossmann_ml.features.panel import _chosen, scoring_panel, training_origins, training_panel

KEYS = ["forecast_origin", "store_id", "target_date", "horizon_days"]
ORIGINS = [ORIGIN - timedelta(days=days) for days in (0, 4, 20)]


def plain_world(stores: int = 2, days_after: int = 20) -> World:
    """Build stores that open every day, with sales of 100 times the store number plus the day."""
    days = [FIRST_DAY + timedelta(days=number) for number in range(90 + days_after)]
    plan = StorePlan(days[0], days[-1], {day: PlanDay(is_open=True) for day in days})
    ids = list(range(1, stores + 1))
    return World(
        dict.fromkeys(ids, plan),
        {(store, day): 100.0 * store + number for store in ids for number, day in enumerate(days)},
        {int(row["store_id"]): row for row in store_frame(ids).iter_rows(named=True)},
    )


def trained(world: World, origins: list[date], known_until: date, **more: float) -> pl.DataFrame:
    return training_panel(
        world.inputs(),
        origins,
        known_until=known_until,
        horizon_days=HORIZON_DAYS,
        params=PARAMS,
        **more,  # type: ignore[arg-type]
    )


@given(
    data=st.data(),
    stores=st.integers(1, 3),
    origins=st.lists(st.sampled_from(ORIGINS), min_size=1, max_size=3, unique=True),
    known=st.integers(-5, 12),
)
@settings(max_examples=8, phases=[Phase.generate], deadline=None, derandomize=True)
def test_training_rows_are_the_days_with_sales_after_each_origin(
    data: st.DataObject, stores: int, origins: list[date], known: int
) -> None:
    world = data.draw(worlds(stores))
    known_until = ORIGIN + timedelta(days=known)
    panel = trained(world, origins, known_until)
    expected = world.targets(origins, known_until, HORIZON_DAYS)
    assert panel.select(*KEYS, "sales").rows() == expected


@given(data=st.data(), stores=st.integers(1, 3))
@settings(max_examples=5, phases=[Phase.generate], deadline=None, derandomize=True)
def test_a_scoring_panel_has_every_store_on_every_day_of_the_horizon_open_or_not(
    data: st.DataObject, stores: int
) -> None:
    world = data.draw(worlds(stores))
    panel = scoring_panel(
        world.inputs(), forecast_origin=ORIGIN, horizon_days=HORIZON_DAYS, params=PARAMS
    )
    expected = [
        (ORIGIN, store, day, ahead, world.plans[store].rows.get(day, PlanDay()).is_open)
        for store in sorted(world.plans)
        for ahead in range(1, HORIZON_DAYS + 1)
        for day in [ORIGIN + timedelta(days=ahead)]
    ]
    assert panel.select(*KEYS, "is_open").rows() == expected


def test_a_horizon_of_one_day_is_the_day_after_the_origin() -> None:
    world = plain_world()
    panel = scoring_panel(world.inputs(), forecast_origin=ORIGIN, horizon_days=1, params=PARAMS)
    tomorrow = ORIGIN + timedelta(days=1)
    assert panel.select(KEYS).rows() == [(ORIGIN, 1, tomorrow, 1), (ORIGIN, 2, tomorrow, 1)]


@pytest.mark.parametrize("known", [0, 1, HORIZON_DAYS - 1, HORIZON_DAYS, HORIZON_DAYS + 1])
def test_no_target_is_later_than_what_is_known_and_that_day_is_one(known: int) -> None:
    panel = trained(plain_world(1), [ORIGIN], ORIGIN + timedelta(days=known))
    assert panel["horizon_days"].to_list() == list(range(1, min(known, HORIZON_DAYS) + 1))
    assert panel["sales"].to_list() == [190.0 + day for day in range(min(known, HORIZON_DAYS))]


def test_sales_that_end_within_the_horizon_end_the_rows() -> None:
    world = plain_world(1)
    ended = replace(
        world,
        sales={
            (store, day): value
            for (store, day), value in world.sales.items()
            if day <= ORIGIN + timedelta(days=4)
        },
    )
    panel = trained(ended, [ORIGIN - timedelta(days=2)], date(2099, 1, 1))
    assert panel["horizon_days"].to_list() == [1, 2, 3, 4, 5, 6]


def test_a_store_that_opens_within_the_horizon_has_rows_from_then_on() -> None:
    world = plain_world(2)
    opens = ORIGIN + timedelta(days=3)
    late = StorePlan(
        FIRST_DAY,
        world.plans[2].last,
        {day: row for day, row in world.plans[2].rows.items() if day >= opens},
    )
    opened = World(
        {1: world.plans[1], 2: late},
        {(store, day): value for (store, day), value in world.sales.items()
         if store == 1 or day >= opens},
        world.attributes,
    )  # fmt: skip
    training = trained(opened, [ORIGIN], ORIGIN + timedelta(days=HORIZON_DAYS))
    of_late = training.filter(pl.col("store_id") == 2)
    assert of_late["target_date"].to_list() == [opens + timedelta(days=day) for day in range(7)]
    assert of_late["days_since_closed"].to_list() == [1, 2, 3, 4, 5, 6, 7]
    scored = scoring_panel(opened.inputs(), forecast_origin=ORIGIN, horizon_days=5, params=PARAMS)
    is_open = scored.filter(pl.col("store_id") == 2)["is_open"].to_list()
    assert is_open == [False, False, True, True, True]


def test_progress_receives_a_message_after_every_origin() -> None:
    told: list[str] = []
    training_panel(
        plain_world(1).inputs(),
        [ORIGIN, ORIGIN - timedelta(days=7)],
        known_until=ORIGIN,
        horizon_days=2,
        params=PARAMS,
        progress=told.append,
    )
    assert told == [
        "features of origin 2015-12-26, 1 of 2",
        "features of origin 2016-01-02, 2 of 2",
    ]


@pytest.fixture(scope="module")
def everything() -> pl.DataFrame:
    """Return all rows, from which a panel keeps a share."""
    return trained(plain_world(3), ORIGINS, ORIGIN)


@pytest.mark.parametrize("share", [0.0, 0.15, 0.5, 1.0])
def test_a_share_of_the_rows_keeps_those_whose_key_falls_under_it(
    everything: pl.DataFrame, share: float
) -> None:
    world = plain_world(3)
    # see ``_chosen`` in the panel module for the formula
    expected = [
        (origin, store, day, ahead)
        for origin, store, day, ahead in everything.select(KEYS).rows()
        if (store * 7919 + (origin.toordinal() * 31 + ahead - 1) * 104729) % 1000 < 1000 * share
    ]
    kept = trained(world, ORIGINS, ORIGIN, rows_share=share)
    assert kept.select(KEYS).rows() == expected
    same_rows = everything.join(kept, on=KEYS, how="semi", maintain_order="left")
    assert_frame_equal(kept, same_rows, check_exact=True)


@pytest.mark.parametrize("thousandths", [1, 150, 500, 999])
def test_the_rows_of_a_share_are_spread_evenly_over_stores_and_days(thousandths: int) -> None:
    # 1000 consecutive numbers have each remainder of a division by 1000 once
    stores = StoreGrid(np.arange(5, 1005), store_frame([1]))
    chosen = _chosen(stores, ORIGIN, 1000, thousandths / 1000)
    assert set(chosen.sum(axis=0)) == set(chosen.sum(axis=1)) == {thousandths}


def test_a_smaller_share_is_part_of_a_larger_one() -> None:
    world = plain_world(3)
    fewer, more = (
        set(trained(world, ORIGINS, ORIGIN, rows_share=share).select(KEYS).rows())
        for share in (0.2, 0.6)
    )
    assert fewer < more


@given(
    step=st.integers(1, 60),
    count=st.integers(0, 9),
    least=st.integers(0, 200),
    back=st.integers(0, 400),
)
@settings(max_examples=20, deadline=None, derandomize=True)
def test_training_origins_are_counted_back_as_far_as_there_is_history(
    step: int, count: int, least: int, back: int
) -> None:
    newest = date(2016, 3, 1)
    first = newest - timedelta(days=back)
    expected: list[date] = []
    for number in range(1, count + 1):
        origin = newest - timedelta(days=step * number)
        if (origin - first).days >= least:
            expected.insert(0, origin)
    found = training_origins(
        newest, first_day=first, step_days=step, count=count, min_history_days=least
    )
    assert found == expected


@pytest.mark.parametrize(("least", "number"), [(72, 2), (73, 1), (86, 1), (87, 0)])
def test_an_origin_with_just_enough_history_is_one(least: int, number: int) -> None:
    newest = date(2015, 4, 11)  # 100 days after the first
    found = training_origins(
        newest, first_day=date(2015, 1, 1), step_days=14, count=2, min_history_days=least
    )
    assert found == [date(2015, 3, 14), date(2015, 3, 28)][2 - number :]
