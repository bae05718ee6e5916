"""A wrong week that was withdrawn or corrected leaves what is published as if it had never come."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable

import duckdb
import pytest
from support.refreshed import Refreshed
from support.weekly_drop import write_drop

pytestmark = pytest.mark.integration

# names and times of runs and landings
RUNS = {"run_id", "load_id", "started_at", "finished_at", "computed_at"}
# records of what happened, and the time of publishing
RECORDS = {"alerts", "api_usage", "data_quality_results", "generation_info"}


def run(place: Refreshed, *command: str) -> None:
    done = place.command(*command)
    assert done.returncode == 0, done.stdout + done.stderr


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
    """Write the week after the newest with 5% less sales than :func:`write_drop` writes.

    Eight stores keep the sample's figures, by which its warehouse knows its files.
    """
    write_drop(place.settings, 7)
    (path,) = place.settings.incoming_path.iterdir()
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        for row in rows:
            share = 100 if int(row["Store"]) <= 8 else 95
            writer.writerow({**row, "Sales": int(row["Sales"]) * share // 100})
    return path.name


def test_what_is_published_is_as_if_a_corrected_or_withdrawn_week_had_never_come(
    copy_of_refreshed: Callable[[], Refreshed],
) -> None:
    never, right, place = (copy_of_refreshed() for _ in range(3))
    write_drop(right.settings, 7)
    run(right, "refresh")
    name = write_low_week(place)
    run(place, "refresh")
    assert "forecasts" in differing(place, right)

    shutil.copy(right.settings.incoming_path / name, place.settings.incoming_path)
    run(place, "refresh")
    assert differing(place, right) == []

    for _ in range(2):  # the corrected edition, and the low one that was in force again
        run(place, "data", "withdraw", name, "--reason", "a till was down")
    run(place, "refresh")
    assert differing(place, never) == []
