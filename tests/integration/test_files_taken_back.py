"""A wrong week that was withdrawn or corrected leaves what is published as if it had never come."""

from __future__ import annotations

import csv
from collections.abc import Callable

import duckdb
import pytest
from support.refreshed import Refreshed
from support.weekly_drop import write_drop

from rossmann_ml.ingest.withdrawal import withdraw_file
from rossmann_ml.warehouse.session import Session

pytestmark = pytest.mark.integration

# names and times of runs and landings
RUNS = {"run_id", "load_id", "started_at", "finished_at", "computed_at"}
# records of what happened, and the time of publishing
RECORDS = {"alerts", "api_usage", "data_quality_results", "generation_info"}


def refresh(place: Refreshed) -> None:
    result, missed = place.run("weekly_refresh")
    assert result.success, missed


def differing(first: Refreshed, second: Refreshed) -> list[str]:
    """Return the names of published tables that differ in a value."""
    with duckdb.connect() as connection:
        for name, place in (("a", first), ("b", second)):
            file = place.settings.published_path / place.current
            connection.execute(f"ATTACH '{file}' AS {name} (READ_ONLY)")
        columns = connection.execute(
            "SELECT table_name, list(column_name) FROM duckdb_columns() WHERE database_name = 'a' "
            "AND table_name IN (SELECT table_name FROM duckdb_tables()) GROUP BY ALL"
        ).fetchall()
        found = []
        for table, names in columns:
            kept = ", ".join(name for name in names if name not in RUNS)
            both = [
                f"(SELECT {kept} FROM {one}.{table} EXCEPT ALL SELECT {kept} FROM {other}.{table})"
                for one, other in (("a", "b"), ("b", "a"))
            ]
            query = f"SELECT count(*) FROM (FROM {both[0]} UNION ALL FROM {both[1]})"
            if table not in RECORDS and connection.execute(query).fetchall() != [(0,)]:
                found.append(table)
    return found


def write_low_week(place: Refreshed) -> str:
    """Write the week after the newest with 5% less sales than :func:`write_drop` writes."""
    write_drop(place.settings, 7)
    (path,) = place.settings.incoming_path.iterdir()
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "Sales": int(row["Sales"]) * 95 // 100} for row in rows)
    return path.name


def test_a_withdrawn_week_leaves_what_is_published_as_if_it_had_never_come(
    copy_of_refreshed: Callable[[], Refreshed],
) -> None:
    never, place = copy_of_refreshed(), copy_of_refreshed()
    name = write_low_week(place)
    refresh(place)
    assert "forecasts" in differing(place, never)
    withdraw_file(Session(place.settings), name, reason="5% low", actor="ann")
    refresh(place)
    assert differing(place, never) == []


def test_a_corrected_week_leaves_what_is_published_as_if_the_wrong_one_had_never_come(
    copy_of_refreshed: Callable[[], Refreshed],
) -> None:
    never, place = copy_of_refreshed(), copy_of_refreshed()
    write_drop(never.settings, 7)
    refresh(never)
    name = write_low_week(place)
    refresh(place)
    right = (never.settings.incoming_path / name).read_bytes()
    (place.settings.incoming_path / name).write_bytes(right)
    refresh(place)
    assert differing(place, never) == []
