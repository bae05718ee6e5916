"""Grids from tables: rows by store, columns by day, and default values without a row.

See the docstrings of :mod:`rossmann_ml.features.grid` for the definitions.
"""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.plan_reference import KINDS, PlanDay, StorePlan, plan_frame, store_frame

from rossmann_ml.features.grid import PlanGrid, SalesGrid, StoreGrid

MONDAY = date(2015, 12, 28)  # the days cross the end of a year
quick = settings(max_examples=15, deadline=None, derandomize=True)
store_ids = st.lists(st.integers(1, 40), min_size=1, max_size=5, unique=True)
days = st.integers(0, 9).map(lambda number: MONDAY + timedelta(days=number))
rows = st.builds(PlanDay, st.booleans(), st.booleans(), st.sampled_from("0abc"), st.booleans())


def stores_of(*ids: int) -> StoreGrid:
    return StoreGrid.from_frame(store_frame(list(ids)))


def sales_frame(sales: dict[tuple[int, date], float | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [(store, day, value) for (store, day), value in sales.items()],
        schema={"store_id": pl.Int32, "sales_date": pl.Date, "sales": pl.Float64},
        orient="row",
    )


@given(data=st.data(), ids=store_ids)
@quick
def test_sales_are_where_their_store_and_day_are_and_nan_elsewhere(
    data: st.DataObject, ids: list[int]
) -> None:
    keys = st.tuples(st.sampled_from(ids), days)
    values = st.none() | st.integers(0, 99).map(float)
    sales = data.draw(st.dictionaries(keys, values, min_size=1, max_size=12))
    grid = SalesGrid.from_frame(sales_frame(sales), stores_of(*ids))
    first, last = min(day for _, day in sales), max(day for _, day in sales)
    assert grid.first_date == first
    assert grid.sales.shape == (len(ids), (last - first).days + 1)
    for row, store in enumerate(sorted(ids)):
        for column in range(grid.sales.shape[1]):
            expected = sales.get((store, first + timedelta(days=column)))
            found = grid.sales[row, column]
            assert math.isnan(found) if expected is None else found == expected


@given(data=st.data(), ids=store_ids)
@quick
def test_store_days_without_a_row_of_the_plan_are_closed(
    data: st.DataObject, ids: list[int]
) -> None:
    plan = data.draw(
        st.dictionaries(st.tuples(st.sampled_from(ids), days), rows, min_size=1, max_size=12)
    )
    first, last = min(day for _, day in plan), max(day for _, day in plan)
    by_store = {
        store: StorePlan(first, last, {day: row for (of, day), row in plan.items() if of == store})
        for store in ids
    }
    grid = PlanGrid.from_frame(plan_frame(by_store), stores_of(*ids))
    assert grid.dates == [first + timedelta(days=day) for day in range((last - first).days + 1)]
    assert grid.days == len(grid.dates)
    for row, store in enumerate(sorted(ids)):
        for day in grid.dates:
            expected = plan.get((store, day), PlanDay())
            place = (row, grid.column(day))
            assert grid.is_open[place] == expected.is_open
            assert grid.is_promo[place] == expected.is_promo
            assert grid.state_holiday[place] == KINDS[expected.state_holiday]
            assert grid.is_school_holiday[place] == expected.is_school_holiday


def test_unknown_values_of_a_plan_count_as_closed() -> None:
    frame = pl.DataFrame(
        {
            "store_id": [1, 1],
            "plan_date": [MONDAY, MONDAY + timedelta(days=1)],
            "is_open": [None, True],
            "is_promo": [None, True],
            "state_holiday": [None, "z"],
            "is_school_holiday": [None, True],
        },
        schema_overrides={"is_open": pl.Boolean},
    )
    grid = PlanGrid.from_frame(frame, stores_of(1))
    assert grid.is_open.tolist() == [[False, True]]
    assert grid.is_promo.tolist() == [[False, True]]
    assert grid.state_holiday.tolist() == [[0, 0]]
    assert grid.is_school_holiday.tolist() == [[False, True]]


def three_days() -> PlanGrid:
    plan = {
        store: StorePlan(
            MONDAY,
            MONDAY + timedelta(days=2),
            {
                MONDAY: PlanDay(True, store == 1, "a", False),
                MONDAY + timedelta(days=1): PlanDay(False, True, "b", store == 1),
                MONDAY + timedelta(days=2): PlanDay(store == 1, False, "c", True),
            },
        )
        for store in (1, 2)
    }
    return PlanGrid.from_frame(plan_frame(plan), stores_of(1, 2))


def parts(grid: PlanGrid) -> list[list[list[int]]]:
    arrays = (grid.is_open, grid.is_promo, grid.state_holiday, grid.is_school_holiday)
    return [array.astype(int).tolist() for array in arrays]


def test_a_plan_since_a_day_begins_with_it_and_one_since_long_ago_is_whole() -> None:
    whole = three_days()
    for cut in (-5, -1, 0, 1, 2, 3):
        left = whole.since(MONDAY + timedelta(days=cut))
        kept = max(cut, 0)
        assert left.first_date == MONDAY + timedelta(days=kept)
        assert parts(left) == [[row[kept:] for row in part] for part in parts(whole)]
        assert left.dates == whole.dates[kept:]


def test_a_plan_of_some_stores_has_their_rows_in_the_given_order() -> None:
    whole = three_days()
    for chosen in ([1], [1, 0], [0, 0]):
        some = whole.of_stores(np.array(chosen))
        assert some.first_date == MONDAY
        assert parts(some) == [[part[row] for row in chosen] for part in parts(whole)]


def test_the_column_of_a_day_is_its_distance_from_the_first() -> None:
    whole = three_days()
    assert [whole.column(day) for day in whole.dates] == [0, 1, 2]
    assert whole.column(MONDAY - timedelta(days=4)) == -4
    assert whole.column(date(2016, 12, 28)) == 366


@pytest.mark.parametrize("last", range(-3, 5))
def test_sales_until_a_day_end_with_it(last: int) -> None:
    sales = {(1, MONDAY + timedelta(days=number)): float(number) for number in range(3)}
    grid = SalesGrid.from_frame(sales_frame(sales), stores_of(1))
    left = grid.until(MONDAY + timedelta(days=last))
    assert left.first_date == MONDAY
    assert left.sales.tolist() == [[float(number) for number in range(3) if number <= last]]


def test_stores_are_in_ascending_order_with_their_attributes() -> None:
    table = store_frame([30, 2, 11], store_type=["c", "a", "b"])
    grid = StoreGrid.from_frame(table)
    assert grid.store_ids.tolist() == [2, 11, 30]
    assert grid.attributes["store_type"].to_list() == ["a", "b", "c"]
    assert grid.store_ids.dtype == np.int64


@given(ids=store_ids, data=st.data())
@quick
def test_positions_are_the_places_of_stores_in_ascending_order(
    ids: list[int], data: st.DataObject
) -> None:
    asked = data.draw(st.lists(st.sampled_from(ids), max_size=8))
    found = stores_of(*ids).positions(pl.Series(asked, dtype=pl.Int32))
    assert found.tolist() == [sorted(ids).index(store) for store in asked]


@pytest.mark.parametrize("missing", [1, 4, 99])
def test_a_store_before_between_or_after_the_known_ones_is_named(missing: int) -> None:
    with pytest.raises(ValueError, match=rf"not in the store table: \[{missing}\]$"):
        stores_of(2, 7).positions(pl.Series([2, missing, 7]))


def test_of_many_missing_stores_the_five_lowest_are_named() -> None:
    with pytest.raises(ValueError, match=r"table: \[1, 3, 4, 5, 6\]$"):
        stores_of(2).positions(pl.Series([9, 8, 6, 5, 4, 3, 2, 1]))


@given(
    kinds=st.lists(
        st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from(["a", "b", "c", None])),
        min_size=1,
        max_size=9,
    )
)
@quick
def test_stores_are_one_group_if_type_and_assortment_are_the_same(
    kinds: list[tuple[str | None, str | None]],
) -> None:
    table = store_frame(
        list(range(len(kinds))),
        store_type=[kind for kind, _ in kinds],
        assortment=[kind for _, kind in kinds],
    )
    groups = StoreGrid.from_frame(table).groups().tolist()
    assert sorted(set(groups)) == list(range(len(set(kinds))))
    assert len(set(zip(groups, kinds, strict=True))) == len(set(kinds))


@given(states=st.lists(st.sampled_from(["BY", "BE", "NW", None]), min_size=1, max_size=8))
@quick
def test_texts_are_numbered_in_alphabetical_order_and_unknown_ones_minus_one(
    states: list[str | None],
) -> None:
    table = store_frame(list(range(len(states))), state=list(states))
    alphabet = sorted({state for state in states if state is not None})
    expected = [-1 if state is None else alphabet.index(state) for state in states]
    assert StoreGrid.from_frame(table).numbers("state").tolist() == expected


def test_grids_do_not_change() -> None:
    sales = SalesGrid(MONDAY, np.zeros((1, 1)))
    for grid in (stores_of(1), three_days(), sales):
        with pytest.raises(FrozenInstanceError):
            grid.first_date = MONDAY  # type: ignore[union-attr, misc]
