"""Stored rows and counts are compared with a simple reference implementation.

Definitions: "Files and weekly drops" in ``data/README.md`` (the same file twice changes nothing; a
file under the same name replaces its rows; the row of the newest file day is in force),
``docs/decisions/0016-a-file-is-a-version.md`` and the docstring of ``land_file`` (an edition with
the rows of the former one is not recorded).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.ingest_warehouse import all_rows, land, session_on, settings_as_of
from support.retailer import SALES_HEADER, sales_line, text

from rossmann_ml.ingest.status import LandedKind, data_status
from rossmann_ml.warehouse.tables import raw

MONDAY = date(2015, 6, 15)
CONFLICT = "the same key is in the file more than once with different values"
# store, day of June, sales, customers: few values, so that keys repeat
Row = tuple[int, int, int, int | None]
Key = tuple[int, date]


@dataclass
class Load:
    """One recorded landing: its good rows by key, and its bad lines with column and reason."""

    load_id: int
    name: str
    content: tuple[Row, ...]
    known_on: date
    rows: dict[Key, tuple[int, float, int | None]]
    bad: dict[int, tuple[str, str]]
    restated: int
    taken_back: int


@dataclass
class Reference:
    """Expected content of the raw tables; load 1 is the list of stores 1 to 3."""

    loads: list[Load] = field(default_factory=list)

    def in_force(self) -> dict[str, Load]:
        """Return the newest load of each file name."""
        return {load.name: load for load in self.loads}

    def winner(self, key: Key) -> Load | None:
        """Return the load whose row of a key counts: the newest day in the name, then load."""
        having = [load for load in self.in_force().values() if key in load.rows]
        return max(having, key=lambda load: (load.name, load.load_id), default=None)

    def land(self, name: str, rows: tuple[Row, ...], today: date) -> tuple[object, ...] | None:
        """Return the expected result of a landing, or None when the file was landed before."""
        former = self.in_force().get(name)
        if former is not None and former.content == rows:
            return None
        kept, bad = sort_out(rows)
        landed = restated = passed_over = 0
        for key, row in kept.items():
            winner = self.winner(key)
            if winner is None:
                landed += 1
            elif winner.name > name:
                passed_over += 1
            elif winner.rows[key][1:] != row[1:]:
                landed, restated = landed + 1, restated + 1
        own = {} if former is None else former.rows
        taken_back = sum(self.winner(key) is former and key not in kept for key in own)
        is_repeated = (
            former is not None
            and not former.bad
            and not bad
            and not taken_back
            and all(self.winner(key) is former and own[key][1:] == kept[key][1:] for key in kept)
        )
        load_id = None if is_repeated else 2 + len(self.loads)
        if load_id is not None:
            known_on = today if former is None else min(today, former.known_on)
            self.loads.append(Load(load_id, name, rows, known_on, kept, bad, restated, taken_back))
        days = [day for _, day in kept]
        return (
            *(load_id, len(rows), landed, restated, passed_over, taken_back),
            len(rows) - landed - passed_over - len(bad),
            dict(Counter(reason for _, reason in bad.values())),
            *(min(days, default=None), max(days, default=None)),
        )


def sort_out(
    rows: tuple[Row, ...],
) -> tuple[dict[Key, tuple[int, float, int | None]], dict[int, tuple[str, str]]]:
    """Return the good rows of a file by key, and column and reason of the bad ones by line."""
    bad: dict[int, tuple[str, str]] = {}
    said: dict[Key, list[tuple[int, float, int | None]]] = {}
    for line, (store, day, sales, customers) in enumerate(rows, start=2):
        if sales < 0:
            bad[line] = ("Sales", "Sales is negative")
        elif store > 3:
            bad[line] = ("Store", "Store is not in store.csv")
        else:
            said.setdefault((store, date(2015, 6, day)), []).append((line, sales, customers))
    kept = {}
    for key, lines in said.items():
        if len({row[1:] for row in lines}) > 1:
            bad.update({line: ("Store, Date", CONFLICT) for line, *_ in lines})
        else:
            kept[key] = lines[0]
    return kept, bad


def line_of(said: Row) -> str:
    store, day, sales, customers = said
    shown = "" if customers is None else customers
    return sales_line(store, date(2015, 6, day), sales, Open=1, Customers=shown)


ROW = st.tuples(
    st.sampled_from([1, 1, 1, 2, 3, 4]),
    st.sampled_from([15, 15, 16]),
    st.sampled_from([10, 10, 20, -1]),
    st.sampled_from([5, 5, None]),
)
FILES = st.lists(
    st.tuples(
        st.sampled_from(["sales_2015-06-20.csv", "sales_2015-06-21.csv"]),
        st.lists(ROW, min_size=1, max_size=5).map(tuple) | st.just(((1, 15, 10, 5),)),
    ),
    min_size=2,
    max_size=4,
)


def forget_sales(connection: duckdb.DuckDBPyConnection) -> None:
    for table in ("sales", "former_sales", "quarantined_rows", "loads"):
        connection.execute(f"DELETE FROM raw.{table} WHERE load_id > 1")


@settings(
    max_examples=7,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(FILES)
def test_stored_versions_equal_those_of_the_reference(
    with_stores: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    files: list[tuple[str, tuple[Row, ...]]],
) -> None:
    forget_sales(with_stores)
    reference = Reference()
    for number, (name, rows) in enumerate(files):
        today = MONDAY + timedelta(days=7 * number)
        content = text(SALES_HEADER, map(line_of, rows))
        landing = land(with_stores, tmp_path / name, content, today=today)
        expected = reference.land(name, rows, today)
        assert landing.was_landed_before == (expected is None)
        if expected is not None:
            assert (
                *(landing.load_id, landing.rows_read, landing.rows_landed, landing.rows_restated),
                *(landing.rows_passed_over, landing.rows_taken_back),
                *(landing.rows_unchanged, dict(landing.quarantined)),
                *(landing.first_date, landing.last_date),
            ) == expected
    stored = with_stores.execute(
        "SELECT store, date, load_id, line_number, sales, customers, known_on "
        f"FROM {all_rows('sales')}"
    ).fetchall()
    assert sorted(stored) == sorted(
        (*key, load.load_id, *row, load.known_on)
        for load in reference.loads
        for key, row in load.rows.items()
    )
    in_force = with_stores.execute(
        f"SELECT store, date, load_id FROM ({raw.newest_rows('raw.sales')})"
    ).fetchall()
    keys = {key for load in reference.in_force().values() for key in load.rows}
    winners = {key: reference.winner(key) for key in keys}
    assert sorted(in_force) == sorted((*key, won.load_id) for key, won in winners.items() if won)
    assert with_stores.execute(
        "SELECT load_id, line_number, column_name, reason, row_text FROM raw.quarantined_rows"
    ).fetchall() == [
        (load.load_id, line, *load.bad[line], line_of(load.content[line - 2]))
        for load in reference.loads
        for line in sorted(load.bad)
    ]
    check_status(with_stores, reference)


def test_status_lists_the_kinds_that_were_landed_in_the_order_of_landing(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    land(with_stores, tmp_path / "store_states.csv", "Store,State\n1,HE\n2,XX\n3,BY\n")
    land(with_stores, tmp_path / "store_states.csv", "Store,State\n1,NW\n3,BY\n")
    states = data_status(session_on(with_stores, settings_as_of(None))).landed[1:]
    # the newest list has no quarantined row
    files = ("store_states.csv",)
    assert states == (LandedKind("store_states", 1, 2, 1, None, None, {}, 0, files),)


def check_status(connection: duckdb.DuckDBPyConnection, reference: Reference) -> None:
    """Check that ``rossmann data status`` shows the counts of the reference."""
    found = {
        landed.kind: landed
        for landed in data_status(session_on(connection, settings_as_of(None))).landed
    }
    assert (found["stores"].files, found["stores"].rows, found["stores"].first_date) == (1, 3, None)
    if not reference.loads:
        assert list(found) == ["stores"]
        return
    sales, loads = found["sales"], reference.in_force().values()
    days = [day for load in loads for _, day in load.rows]
    assert (sales.files, sales.rows, sales.versions_restated, sales.rows_taken_back) == (
        len(loads),
        len({key for load in loads for key in load.rows}),
        sum(load.restated for load in loads),
        sum(load.taken_back for load in loads),
    )
    assert (sales.first_date, sales.last_date) == (min(days, default=None), max(days, default=None))
    # most frequent first
    by_reason = Counter(reason for load in loads for _, reason in load.bad.values())
    assert list(sales.quarantined.items()) == sorted(
        by_reason.items(), key=lambda item: (-item[1], item[0])
    )
