"""Totals and stores in the comparison of generation and new vintage, against plain loops.

Definitions: the docstrings of ``publish/continuity.py`` and of ``ContinuityParams``; limits as
in ``params.yaml`` (10% of a chain's week, 15% of a segment, 10 stores, 4 days, 5 stores named).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.dbt_sql import fill
from support.tiny_generation import info_of, write_bare_generation

from rossmann_ml.base.errors import DamagedError, NoDataError
from rossmann_ml.base.params import ContinuityParams, load_params
from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.publish.continuity import Continuity, Move, compare_with_published

BEFORE, AFTER = date(2015, 6, 19), date(2015, 6, 26)  # Fridays
FIRST = date(2015, 6, 27)
Vintage = dict[tuple[int, date], float]


def limits(**values: Any) -> ContinuityParams:
    """Return the limits of params.yaml, with small segments compared too unless overridden."""
    given = {
        "max_chain_week_change": 0.10,
        "max_segment_change": 0.15,
        "min_segment_stores": 1,
        "min_week_days": 1,
        "stores_named": 5,
    }
    return ContinuityParams(**{**given, **values})


def current_file(folder: Path, vintage: Vintage, factor: float = 1.0) -> Path:
    """Write a generation that has only its newest forecasts and the chain's total."""
    return current_file_of(folder, rows_of(vintage, plan_source="planned"), factor)


def current_file_of(folder: Path, rows: list[dict[str, Any]], factor: float = 1.0) -> Path:
    """Write a generation that has only these forecasts and the chain's total."""
    total = {
        "forecast_origin": BEFORE, "level": "chain", "segment": "all", "days": 42,
        "sales_forecast": 1.0, "sales_unbiased": factor,
    }  # fmt: skip
    return write_bare_generation(
        folder / "0123456789ab.duckdb",
        info_of(forecast_origin=BEFORE),
        latest_forecasts=rows,
        forecast_horizon_totals=[total],
    )


def rows_of(vintage: Vintage, **values: Any) -> list[dict[str, Any]]:
    """Return the forecasts of a vintage as rows."""
    return [
        {
            "store_id": store,
            "target_date": day,
            "sales_forecast": sales,
            **values,
        }
        for (store, day), sales in vintage.items()
    ]


def compare(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    before: Vintage,
    after: Vintage,
    stores: dict[int, tuple[str, str | None]] | None = None,
    **values: Any,
) -> Continuity | None:
    """Compare two vintages; the warehouse also has an older one."""
    land(connection, after, stores or {store: ("a", "HE") for store, _ in before})
    return compare_with_published(connection, current_file(folder, before), limits(**values))


def land(
    connection: duckdb.DuckDBPyConnection,
    after: Vintage,
    stores: dict[int, tuple[str, str | None]],
) -> None:
    """Fill a warehouse with a new vintage, and with an older one that must be ignored."""
    connection.execute(
        "CREATE SCHEMA IF NOT EXISTS forecasting; CREATE SCHEMA IF NOT EXISTS marts;"
        "CREATE OR REPLACE TABLE forecasting.forecasts (forecast_origin DATE, store_id INTEGER, "
        "target_date DATE, is_open BOOLEAN, sales_forecast DOUBLE);"
        "CREATE OR REPLACE TABLE marts.stores (store_id INTEGER, store_type VARCHAR, "
        "state VARCHAR);"
        "CREATE OR REPLACE TABLE forecasting.total_intervals (forecast_origin DATE, "
        "level VARCHAR, unbiased_factor DOUBLE)"
    )
    origins = {"forecast_origin": AFTER - timedelta(days=7)}, {"forecast_origin": AFTER}
    rows = [
        *rows_of(dict.fromkeys(after, 5e8), **origins[0]),
        *rows_of(after, **origins[1]),
    ]
    fill(connection, "forecasting.forecasts", rows)
    described = [
        {"store_id": store, "store_type": kind, "state": state}
        for store, (kind, state) in stores.items()
    ]
    fill(connection, "marts.stores", described)


def days(count: int, sales: float, store: int = 1, first: date = FIRST) -> Vintage:
    """Return a store's forecasts of some days, all with the same value."""
    return {(store, first + timedelta(days=day)): sales for day in range(count)}


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a vintage of a few stores, and two newer ones with other stores and days."""
    names = st.tuples(st.sampled_from("ab"), st.sampled_from(["HE", "BY", None]))
    stores = dict(enumerate(draw(st.lists(names, min_size=1, max_size=5)), start=1))

    def vintage(first: int) -> Vintage:
        kept = draw(st.sets(st.sampled_from(sorted(stores)), min_size=1))
        sales = draw(st.lists(st.integers(0, 40), min_size=3, max_size=7))
        days = range(first, first + draw(st.integers(1, 10)))
        cells = [(store, FIRST + timedelta(days=day)) for store in sorted(kept) for day in days]
        return {cell: 25.0 * sales[place % len(sales)] for place, cell in enumerate(cells)}

    return {
        "stores": stores,
        "before": vintage(0),
        "afters": [vintage(draw(st.integers(0, 5))) for _ in range(2)],
        "limits": {
            "min_segment_stores": draw(st.integers(1, 3)),
            "min_week_days": draw(st.integers(1, 5)),
            "stores_named": draw(st.integers(1, 4)),
        },
    }


def moves_by_hand(
    world: dict[str, Any], after: Vintage
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Return totals and named stores, computed with loops over stores and days."""
    before, stores = world["before"], world["stores"]
    common = {day for _, day in before} & {day for _, day in after}
    both = [
        (store, day, sales, after.get((store, day), 0.0))
        for (store, day), sales in before.items()
        if day in common
    ]

    def totals(name: str, rows: list[tuple[Any, ...]], limit: float | None) -> tuple[Any, ...]:
        return (name, sum(row[2] for row in rows), sum(row[3] for row in rows), limit)

    judged = []
    mondays = sorted({day - timedelta(days=day.isoweekday() - 1) for day in common})
    for monday in mondays:
        rows = [row for row in both if 0 <= (row[1] - monday).days <= 6]
        if len({row[1] for row in rows}) >= world["limits"]["min_week_days"]:
            judged.append(totals(f"chain, week of {monday}", rows, 0.10))
    for place, level in enumerate(("store type", "state")):
        segments = sorted({stores[row[0]][place] or "unknown" for row in both})
        for segment in segments:
            rows = [row for row in both if (stores[row[0]][place] or "unknown") == segment]
            if len({row[0] for row in rows}) >= world["limits"]["min_segment_stores"]:
                judged.append(totals(f"{level} {segment}", rows, 0.15))
    named = [
        totals(f"store {store}", [row for row in both if row[0] == store], None)
        for store in sorted({row[0] for row in both})
    ]
    named.sort(key=lambda each: -abs(each[2] - each[1]))  # stable: ties in store order
    return judged, named[: world["limits"]["stores_named"]]


@pytest.fixture(scope="module")
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return one database in memory for all drawn examples."""
    with duckdb.connect(config={"threads": 1}) as connection:
        yield connection


@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # shrinking an example takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(world=worlds())
def test_totals_and_stores_are_those_of_plain_loops(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path, world: dict[str, Any]
) -> None:
    path = current_file(tmp_path, world["before"])
    for after in world["afters"]:
        land(warehouse, after, world["stores"])
        found = compare_with_published(warehouse, path, limits(**world["limits"]))
        common = {day for _, day in world["before"]} & {day for _, day in after}
        if not common:
            assert found is None
            continue
        assert found is not None
        assert (found.previous_generation_id, found.previous_origin) == ("0123456789ab", BEFORE)
        assert (found.forecast_origin, found.days) == (AFTER, len(common))
        judged, named = moves_by_hand(world, after)
        # sums of multiples of 25 are exact in any order of adding
        assert [(m.name, m.before, m.after, m.limit) for m in found.totals] == judged
        assert [(m.name, m.before, m.after, m.limit) for m in found.stores] == named


def test_the_limits_of_the_project_are_those_documented() -> None:
    found = load_params(PROJECT_DIR / "params.yaml").publish.continuity
    assert found == limits(min_segment_stores=10, min_week_days=4)


@pytest.mark.parametrize("week_days", [3, 4])
def test_a_week_with_fewer_common_days_is_compared_within_the_segments_only(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path, week_days: int
) -> None:
    before = days(7, 100.0, first=date(2015, 6, 29))
    found = compare(warehouse, tmp_path, before, days(week_days, 200.0, first=date(2015, 6, 29)),
                    min_week_days=4)  # fmt: skip
    assert found is not None
    assert [move.name for move in found.jumps] == [
        *(["chain, week of 2015-06-29"] if week_days == 4 else []), "store type a", "state HE",
    ]  # fmt: skip


@pytest.mark.parametrize("stores", [9, 10])
def test_a_segment_with_fewer_stores_is_compared_within_the_chain_only(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path, stores: int
) -> None:
    before: Vintage = {}
    after: Vintage = {}
    for store in range(1, stores + 1):
        before |= days(2, 100.0, store)
        # the tenth store has no forecast any more, but still belongs to the segment
        after |= days(2, 100.0, store) if store < 10 else {}
    found = compare(warehouse, tmp_path, before, after, min_segment_stores=10)
    assert found is not None
    names = [move.name for move in found.totals]
    assert ("store type a" in names) == ("state HE" in names) == (stores == 10)


def test_a_store_without_master_data_is_in_no_segment(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    before = days(2, 100.0) | days(2, 100.0, store=2)
    found = compare(warehouse, tmp_path, before, before, {1: ("a", None)})
    assert found is not None
    assert [(move.name, move.before) for move in found.totals] == [
        ("chain, week of 2015-06-22", 400.0), ("store type a", 200.0), ("state unknown", 200.0),
    ]  # fmt: skip


def test_a_store_that_opens_or_reopens_is_not_compared(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    before = days(2, 100.0)
    after = days(2, 100.0) | days(2, 900.0, store=2)
    found = compare(warehouse, tmp_path, before, after, {1: ("a", "HE"), 2: ("b", "BY")})
    assert found is not None
    assert [(move.name, move.after) for move in (*found.totals, *found.stores)] == [
        ("chain, week of 2015-06-22", 200.0), ("store type a", 200.0), ("state HE", 200.0),
        ("store 1", 200.0),
    ]  # fmt: skip


def test_a_store_that_rested_and_now_opens_is_named_and_not_compared(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """Store 2 reopens by plan on the second day, store 3 is a Sunday that is planned open."""
    before = days(2, 100.0) | days(2, 0.0, store=2) | days(2, 0.0, store=3)
    after = before | {(2, FIRST + timedelta(days=1)): 900.0, (3, FIRST): 10.0}
    stores = dict.fromkeys((1, 2, 3), ("a", "HE"))
    land(warehouse, after, stores)
    rows = [
        *rows_of({key: value for key, value in before.items() if key[0] != 2},
                 plan_source="planned"),
        *rows_of({key: value for key, value in before.items() if key[0] == 2},
                 plan_source="not_selling"),
    ]  # fmt: skip
    found = compare_with_published(warehouse, current_file_of(tmp_path, rows), limits())
    assert found is not None
    assert found.openings == (Move("store 2", 0.0, 900.0),)
    assert {(move.before, move.after) for move in found.totals} == {(200.0, 210.0)}
    assert found.jumps == ()
    assert found.describe().endswith(
        "Not counted: 900 EUR of 1 stores that the plan now opens earlier, store 2"
    )


def test_totals_are_unbiased_by_the_factor_of_their_own_origin(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    vintage = days(2, 100.0)
    land(warehouse, vintage, {1: ("a", "HE")})
    factors = [
        {"forecast_origin": AFTER, "level": "chain", "unbiased_factor": 1.5},
        {"forecast_origin": BEFORE, "level": "chain", "unbiased_factor": 3.0},
    ]
    fill(warehouse, "forecasting.total_intervals", factors)
    found = compare_with_published(warehouse, current_file(tmp_path, vintage, 1.25), limits())
    assert found is not None
    assert found.stores == (Move("store 1", 250.0, 300.0),)


def test_a_store_that_closes_counts_with_0(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    before = days(2, 100.0) | days(2, 300.0, store=2)
    found = compare(warehouse, tmp_path, before, days(2, 100.0))
    assert found is not None
    assert found.stores[0] == Move("store 2", 600.0, 0.0)
    assert [move.change for move in found.jumps] == [-0.75, -0.75, -0.75]


def test_nothing_is_compared_without_a_common_day(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    later = FIRST + timedelta(days=2)
    assert compare(warehouse, tmp_path, days(2, 1.0), days(2, 1.0, first=later)) is None
    assert compare(warehouse, tmp_path, days(3, 1.0), days(2, 1.0, first=later)) is not None
    assert compare(warehouse, tmp_path, days(3, 1.0), {}) is None


def test_a_missing_or_damaged_file_is_told_apart(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    with pytest.raises(NoDataError, match=r"gone\.duckdb does not exist"):
        compare_with_published(warehouse, tmp_path / "gone.duckdb", limits())
    broken = tmp_path / "broken.duckdb"
    broken.write_text("no database")
    with pytest.raises(DamagedError, match=r"broken\.duckdb"):
        compare_with_published(warehouse, broken, limits())
