"""Turn files of daily sales into one checked table: land, quarantine, fill, check, write."""

from __future__ import annotations

import hashlib
import random
import sys
from datetime import date, timedelta
from pathlib import Path

import duckdb

MOST_BAD_ROWS = 0.05
TABLES = """
CREATE TABLE IF NOT EXISTS loads (file_hash VARCHAR PRIMARY KEY, file_name VARCHAR, rows INTEGER);
CREATE TABLE IF NOT EXISTS sales (store INTEGER, day DATE, sales DOUBLE, file_name VARCHAR,
    PRIMARY KEY (store, day));
CREATE TABLE IF NOT EXISTS bad_rows (file_name VARCHAR, line INTEGER, row_text VARCHAR,
    reason VARCHAR);
"""
JUDGED = """
CREATE OR REPLACE TEMP TABLE judged AS
SELECT *, CASE
    WHEN try_cast(store AS INTEGER) IS NULL THEN 'store ' || coalesce(store, '') || ' is no number'
    WHEN try_cast(day AS DATE) IS NULL THEN 'day ' || coalesce(day, '') || ' is no date'
    WHEN try_cast(sales AS DOUBLE) IS NULL THEN 'sales ' || coalesce(sales, '') || ' is no number'
    WHEN sales::DOUBLE < 0 THEN 'sales ' || sales || ' is below 0'
    WHEN row_number() OVER (PARTITION BY store, day ORDER BY line) > 1 THEN 'store and day again'
END AS reason
FROM (
    SELECT row_number() OVER () + 1 AS line, * FROM read_csv(
        ?, header = true, auto_detect = false, delim = ',', quote = '"',
        columns = {'store': 'VARCHAR', 'day': 'VARCHAR', 'sales': 'VARCHAR'})
);
"""
FILLED = """
CREATE OR REPLACE TEMP TABLE daily_sales AS
SELECT store, day::DATE AS day, sales, sales IS NOT NULL AS is_observed
FROM (SELECT DISTINCT store FROM sales)
CROSS JOIN (SELECT unnest(generate_series(min(day), max(day), INTERVAL 1 DAY)) AS day FROM sales)
LEFT JOIN sales USING (store, day);
"""
CHECKS = {
    "store and day are unique": "SELECT count(*) - count(DISTINCT (store, day)) FROM daily_sales",
    "every store has every day": """
        SELECT count(DISTINCT store) * count(DISTINCT day) - count(*) FROM daily_sales""",
    "no sales are below 0": "SELECT count(*) FROM daily_sales WHERE sales < 0",
    "fewer than one day in ten is missing": """
        SELECT greatest(0, count(*) FILTER (NOT is_observed) - count(*) // 10) FROM daily_sales""",
    "nothing was lost on the way": """
        SELECT abs((SELECT sum(sales) FROM sales) - (SELECT sum(sales) FROM daily_sales)) > 0.01""",
}


class RefusedError(Exception):
    """Error for a bad file or a table that fails its checks."""


def make_file(path: Path, stores: int = 5, days: int = 60) -> None:
    """Write invented sales with a few faults in them."""
    chance = random.Random(7)
    lines = ["store,day,sales"]
    for store in range(1, stores + 1):
        for offset in range(days):
            day = date(2025, 1, 27) + timedelta(days=offset)
            sales = 4000 + 300 * store + chance.gauss(0, 250) if day.weekday() < 6 else 0
            if chance.random() > 0.01:
                lines.append(f"{store},{day},{sales:.2f}")
    lines += ["2,2025-02-30,4100.00", "3,2025-03-03,-12.00", "x,2025-03-04,4000.00", lines[1]]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def land(connection: duckdb.DuckDBPyConnection, path: Path) -> str:
    """Land a file once: good rows unchanged, bad rows with their reason.

    Raises:
        RefusedError: The share of bad rows is too large.
    """
    file_hash = hashlib.sha256(path.read_bytes()).hexdigest()
    if connection.execute("SELECT 1 FROM loads WHERE file_hash = ?", [file_hash]).fetchone():
        return f"{path.name}: known already, nothing to do"
    connection.execute(JUDGED, [str(path)])
    counted = connection.execute("SELECT count(*), count(reason) FROM judged").fetchone()
    assert counted is not None
    rows, bad = counted
    if bad > MOST_BAD_ROWS * rows:
        raise RefusedError(f"{path.name}: {bad} of {rows} rows are bad; expected at most 5%")
    connection.begin()
    connection.execute("INSERT INTO loads VALUES (?, ?, ?)", [file_hash, path.name, rows])
    connection.execute(
        """INSERT INTO bad_rows SELECT ?, line, concat_ws(',', store, day, sales), reason
        FROM judged WHERE reason IS NOT NULL""",
        [path.name],
    )
    connection.execute(
        "INSERT OR REPLACE INTO sales SELECT store, day, sales, ? FROM judged WHERE reason IS NULL",
        [path.name],
    )
    connection.commit()
    return f"{path.name}: {rows - bad} rows landed, {bad} quarantined"


def check(connection: duckdb.DuckDBPyConnection) -> None:
    """Run every check of the filled table.

    Raises:
        RefusedError: At least one check failed; the message has the number of rows of each.
    """
    found = {name: connection.execute(query).fetchone() for name, query in CHECKS.items()}
    failed = [f"{name} ({row[0]})" for name, row in found.items() if row and row[0]]
    if failed:
        raise RefusedError(f"not passed on, these checks failed: {'; '.join(failed)}")


def run(folder: Path) -> list[str]:
    """Land all incoming files and write the table; return a line for each step."""
    incoming = folder / "incoming"
    if not list(incoming.glob("*.csv")):
        make_file(incoming / "sales_2025-03-29.csv")
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute(TABLES)
        said = [land(connection, path) for path in sorted(incoming.glob("*.csv"))]
        connection.execute(FILLED)
        check(connection)
        waiting = folder / "daily_sales.parquet.new"
        connection.execute(
            f"COPY (FROM daily_sales ORDER BY store, day) TO '{waiting}' (FORMAT parquet)"
        )
        waiting.replace(folder / "daily_sales.parquet")
        bad = connection.execute("FROM bad_rows ORDER BY file_name, line").fetchall()
    return [*said, *(f"  line {line}: {reason}" for _, line, _, reason in bad)]


if __name__ == "__main__":
    try:
        print(*run(Path(sys.argv[1])), sep="\n")
    except RefusedError as refused:
        sys.exit(f"refused: {refused}")
