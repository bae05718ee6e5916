"""A list of stores whose attributes move for many stores at once waits for a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
from support.ingest_warehouse import empty, land, memory_warehouse
from support.retailer import STORE_HEADER, text

from rossmann_ml.base.errors import HeldError

TODAY = date(2015, 6, 1)
STORES = range(1, 31)


def line(
    store: int, *, kind: str = "a", assortment: str = "a", distance: object = None, promo2: int = 0
) -> str:
    shown = 250 * store if distance is None else distance
    since = '13,2010,"Jan,Apr,Jul,Oct"' if promo2 else ",,"
    return f"{store},{kind},{assortment},{shown},,,{promo2},{since}"


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with memory_warehouse() as connection:
        yield connection


@pytest.fixture
def landed(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> duckdb.DuckDBPyConnection:
    empty(database)
    land(database, tmp_path / "store.csv", text(STORE_HEADER, map(line, STORES)), today=TODAY)
    states = [f"{store},BY" for store in STORES]
    land(database, tmp_path / "store_states.csv", text("Store,State", states), today=TODAY)
    return database


def offer(connection: duckdb.DuckDBPyConnection, folder: Path, lines: list[str]) -> int:
    content = text(STORE_HEADER, lines)
    return land(connection, folder / "store.csv", content, today=TODAY).rows_landed


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"distance": 0.5}, "CompetitionDistance changes for 10 of 30 stores,.*from 250 to 0.5"),
        ({"distance": ""}, "CompetitionDistance changes for 10 of 30 stores,.*250 to nothing"),
        ({"kind": "d"}, "StoreType changes for 10 of 30 stores,.*from 'a' to 'd'"),
        ({"assortment": "c"}, "Assortment changes for 10 of 30 stores"),
        ({"promo2": 1}, "Promo2 changes for 10 of 30 stores"),
    ],
)
def test_an_attribute_that_moves_for_a_third_of_the_stores_is_held(
    landed: duckdb.DuckDBPyConnection, tmp_path: Path, changed: dict, expected: str
) -> None:
    before = landed.execute("SELECT count(*) FROM raw.stores").fetchall()
    lines = [line(store, **(changed if store <= 10 else {})) for store in STORES]
    with pytest.raises(HeldError, match=expected):
        offer(landed, tmp_path, lines)
    assert landed.execute("SELECT count(*) FROM raw.stores").fetchall() == before


def test_distances_in_kilometres_are_held_with_their_factor(
    landed: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    lines = [line(store, distance=0.25 * store) for store in STORES]
    with pytest.raises(HeldError, match=r"in the median 0\.001 times.*--accept"):
        offer(landed, tmp_path, lines)


def test_states_that_move_for_all_stores_are_held(
    landed: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    states = text("Store,State", [f"{store},HE" for store in STORES])
    with pytest.raises(HeldError, match="State changes for 30 of 30 stores"):
        land(landed, tmp_path / "store_states.csv", states, today=TODAY)


def test_a_few_stores_may_change_and_distances_may_be_measured_again(
    landed: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    lines = [
        line(store, kind="d" if store <= 3 else "a", distance=250 * store + 20) for store in STORES
    ]
    assert offer(landed, tmp_path, lines) == 30
