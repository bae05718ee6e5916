"""Stored versions of a row are compared with a simple reference implementation.

Definitions: "Files and weekly drops" in ``data/README.md`` (the same file twice changes nothing; a
restated row replaces the old one and both stay, with the date on which they became known),
``docs/decisions/0003-what-was-known-when.md``, ``docs/how-to/land-a-week.md`` (what is offered last
under a name counts), and the docstring of ``land_file`` (a file whose rows are all known and good
is not recorded).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.ingest_warehouse import land, session_on, settings_as_of
from support.retailer import SALES_HEADER, sales_line, text

from rossmann_ml.ingest.status import LandedKind, data_status

MONDAY = date(2015, 6, 15)
CONFLICT = "the same key is in the file more than once with different values"
# store, day of June, sales, customers: few values, so that keys repeat
Row = tuple[int, int, int, int | None]


@dataclass
class Reference:
    """Expected content of the raw tables; load 1 is the list of stores 1 to 3."""

    versions: dict[tuple[int, date], list[tuple[object, ...]]] = field(default_factory=dict)
    quarantined: list[tuple[object, ...]] = field(default_factory=list)
    recorded: list[tuple[str, tuple[Row, ...]]] = field(default_factory=list)

    def land(self, name: str, rows: tuple[Row, ...], today: date) -> tuple[object, ...] | None:
        """Return the expected result of a landing, or None when the file was landed before."""
        of_this_name = [content for other, content in self.recorded if other == name]
        known = [content for _, content in self.recorded]
        if (of_this_name[-1:] == [rows]) if of_this_name else (rows in known):
            return None
        load = 2 + len(self.recorded)
        reasons: dict[int, tuple[str, str]] = {}
        said: dict[tuple[int, date], list[tuple[int, float, int | None]]] = {}
        for line, (store, day, sales, customers) in enumerate(rows, start=2):
            if sales < 0:
                reasons[line] = ("Sales", "Sales is negative")
            elif store > 3:
                reasons[line] = ("Store", "Store is not in store.csv")
            else:
                said.setdefault((store, date(2015, 6, day)), []).append((line, sales, customers))
        kept = {}
        for key, lines in said.items():
            if len({row[1:] for row in lines}) > 1:
                reasons.update({line: ("Store, Date", CONFLICT) for line, *_ in lines})
            else:
                kept[key] = lines[0]
        new = {key: row for key, row in kept.items() if key not in self.versions}
        restated = {
            key: row
            for key, row in kept.items()
            if key in self.versions and self.versions[key][-1][2:4] != row[1:]
        }
        for key, (line, sales, customers) in {**new, **restated}.items():
            self.versions.setdefault(key, []).append((load, line, sales, customers, today))
        is_recorded = bool(new or restated or reasons)
        if is_recorded:
            self.recorded.append((name, rows))
        for line in sorted(reasons):
            self.quarantined.append((load, line, *reasons[line], line_of(rows[line - 2])))
        landed = len(new) + len(restated)
        days = [day for _, day in kept]
        return (
            *(load if is_recorded else None, len(rows), landed, len(restated)),
            len(rows) - landed - len(reasons),
            dict(Counter(reason for _, reason in reasons.values())),
            *(min(days, default=None), max(days, default=None)),
        )


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
    for table in ("sales", "quarantined_rows", "loads"):
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
                *(landing.rows_unchanged, dict(landing.quarantined)),
                *(landing.first_date, landing.last_date),
            ) == expected
    stored = with_stores.execute(
        "SELECT store, date, load_id, line_number, sales, customers, known_on FROM raw.sales"
    ).fetchall()
    assert sorted(stored) == sorted(
        (*key, *version) for key, versions in reference.versions.items() for version in versions
    )
    assert (
        with_stores.execute(
            "SELECT load_id, line_number, column_name, reason, row_text FROM raw.quarantined_rows"
        ).fetchall()
        == reference.quarantined
    )
    check_status(with_stores, reference)


def test_status_lists_the_kinds_that_were_landed_in_the_order_of_landing(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    land(with_stores, tmp_path / "store_states.csv", "Store,State\n1,HE\n2,XX\n3,BY\n")
    land(with_stores, tmp_path / "store_states.csv", "Store,State\n1,NW\n3,BY\n")
    states = data_status(session_on(with_stores, settings_as_of(None))).landed[1:]
    reason = (
        "State is no place such as HE (a German state), AT-9 (a country's state), FR or BEL "
        "(a country)"
    )
    assert states == (LandedKind("store_states", 2, 2, 1, None, None, {reason: 1}),)


def check_status(connection: duckdb.DuckDBPyConnection, reference: Reference) -> None:
    """Check that ``rossmann data status`` shows the counts of the reference."""
    found = {
        landed.kind: landed
        for landed in data_status(session_on(connection, settings_as_of(None))).landed
    }
    assert (found["stores"].files, found["stores"].rows, found["stores"].first_date) == (1, 3, None)
    if not reference.recorded:
        assert list(found) == ["stores"]
        return
    sales = found["sales"]
    days = [day for _, day in reference.versions]
    assert (sales.files, sales.rows, sales.versions_restated) == (
        len({rows for _, rows in reference.recorded}),
        len(reference.versions),
        sum(len(versions) - 1 for versions in reference.versions.values()),
    )
    assert (sales.first_date, sales.last_date) == (min(days, default=None), max(days, default=None))
    # most frequent first
    by_reason = Counter(str(reason) for *_, reason, _ in reference.quarantined)
    assert list(sales.quarantined.items()) == sorted(
        by_reason.items(), key=lambda item: (-item[1], item[0])
    )
