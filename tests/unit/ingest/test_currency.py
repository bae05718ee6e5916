"""Amounts of several currencies never land together without a word."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest
from support.ingest_warehouse import land, session_on, settings_as_of
from support.retailer import SALES_HEADER, STORE_HEADER, STORE_LINES, sales_line, text

from rossmann_ml.base.errors import BadFileError, HeldError
from rossmann_ml.ingest.withdrawal import withdraw_file

TODAY = date(2015, 6, 22)
DAY = date(2015, 6, 19)


def stores(*currencies: str) -> str:
    """Return the list of the three stores, each with its currency."""
    lines = [f"{line},{code}" for line, code in zip(STORE_LINES, currencies, strict=True)]
    return text(f"{STORE_HEADER},Currency", lines)


def week(currency: str) -> str:
    return text(f"{SALES_HEADER},Currency", [f"{sales_line(1, DAY)},{currency}"])


def test_a_list_of_stores_with_several_currencies_is_refused_by_name(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    with pytest.raises(BadFileError) as refused:
        land(warehouse, tmp_path / "store.csv", stores("EUR", "CHF", ""), today=TODAY)
    for part in (
        "store.csv: column Currency has several values: EUR (first in line 2, stores 1); ",
        "CHF (first in line 3, stores 2); nothing (first in line 4, stores 3)",
        "one warehouse for each currency (ROSSMANN_WAREHOUSE_DIR",
    ):
        assert part in str(refused.value)
    assert warehouse.execute("SELECT count(*) FROM raw.stores").fetchall() == [(0,)]


def test_a_file_in_another_currency_than_the_landed_ones_waits_for_a_person(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    assert land(warehouse, tmp_path / "store.csv", stores(*3 * ["eur"]), today=TODAY).warnings == ()
    sales = tmp_path / "sales_2015-06-19.csv"
    assert land(warehouse, sales, week("EUR"), today=TODAY).rows_landed == 1
    with pytest.raises(HeldError, match="its currency is CHF, but sales_2015-06-19"):
        land(warehouse, sales, week("CHF"), today=TODAY)
    assert land(warehouse, sales, week("CHF"), today=TODAY, accepted_by="planner").load_id == 3
    session = session_on(warehouse, settings_as_of(TODAY))
    withdraw_file(session, sales.name, reason="Swiss francs", actor="planner")
    with pytest.raises(HeldError, match="was landed with EUR"):
        land(warehouse, tmp_path / "store.csv", stores(*3 * ["SEK"]), today=TODAY)
