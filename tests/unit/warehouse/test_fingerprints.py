"""Fingerprints change with each input, and only with inputs.

Definitions: the docstrings of ``rossmann_ml.warehouse.versions`` (newest rows, in any order and
any number of files; the library, the dbt models and the parameters), of
``rossmann_ml.base.digests`` (plain values, mappings regardless of their order; 12 hexadecimal
digits) and ``docs/data-versions.md``.
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ingest_warehouse import empty, settings_as_of
from support.loads import record_loads

from rossmann_ml.base.digests import fingerprint
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.versions import (
    Versions,
    code_version,
    data_version,
    forget_data_versions,
)

MONDAY = date(2015, 6, 15)
SALES = {
    "load_id": 1,
    "line_number": 2,
    "store": 1,
    "day_of_week": 1,
    "date": MONDAY,
    "sales": 9.0,
    "customers": 3,
    "open": 1,
    "promo": 0,
    "state_holiday": "0",
    "school_holiday": 0,
    "known_on": MONDAY,
}
PLAN = {name: value for name, value in SALES.items() if name not in ("sales", "customers")}
STORE = {
    "load_id": 1,
    "line_number": 2,
    "store": 1,
    "store_type": "a",
    "assortment": "a",
    "competition_distance": 10.0,
    "competition_open_since_month": 1,
    "competition_open_since_year": 2010,
    "promo2": 0,
    "promo2_since_week": 2,
    "promo2_since_year": 2012,
    "promo_interval": "Jan",
    "known_on": MONDAY,
}
STATE = {"load_id": 1, "line_number": 2, "store": 1, "state": "HE", "known_on": MONDAY}
HOLIDAY = {
    "load_id": 1,
    "line_number": 2,
    "date": MONDAY,
    "state": "HE",
    "state_holiday": "a",
    "school_holiday": 0,
    "known_on": MONDAY,
}
ROWS: dict[str, dict[str, object]] = {
    "sales": SALES,
    "plan": PLAN,
    "stores": STORE,
    "store_states": STATE,
    "holidays": HOLIDAY,
}
# columns about the landing of a row, not about the data
LANDING = ("load_id", "line_number", "known_on")

Table = tuple[str, dict[str, object]]


def version_of(connection: duckdb.DuckDBPyConnection, *rows: Table) -> str:
    empty(connection)
    record_loads(connection, range(1, 10))
    for table, row in rows:
        marks = ", ".join("?" * len(row))
        connection.execute(
            f"INSERT INTO raw.{table} ({', '.join(row)}) VALUES ({marks})", [*row.values()]
        )
    return current_version(connection)


def current_version(connection: duckdb.DuckDBPyConnection) -> str:
    """Compute the fingerprint again, because a test changes rows without a landing."""
    forget_data_versions(connection)
    return data_version(connection)


def other(value: object) -> object:
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, date):
        return value + timedelta(days=1)
    return float(value) + 1  # type: ignore[arg-type]


def test_every_value_of_every_table_changes_the_data_version_but_the_landing_does_not(
    memory_database: duckdb.DuckDBPyConnection,
) -> None:
    as_it_is = version_of(memory_database, *ROWS.items())
    assert len(as_it_is) == 12
    assert int(as_it_is, 16) >= 0
    seen = {as_it_is}
    for table, row in ROWS.items():
        for name, value in row.items():
            change = f"UPDATE raw.{table} SET {name} = ?"
            memory_database.execute(change, [other(value)])
            changed = current_version(memory_database)
            memory_database.execute(change, [value])
            if name in LANDING:
                assert changed == as_it_is
            else:
                assert changed not in seen, (table, name)
                seen.add(changed)
    assert current_version(memory_database) == as_it_is
    for table in ROWS:
        memory_database.execute(f"DELETE FROM raw.{table}")
        seen.add(current_version(memory_database))
    assert len(seen) == 1 + 9 + 7 + 10 + 2 + 4 + 5


def test_order_and_files_of_landing_do_not_change_the_data_version_but_duplicates_do(
    memory_database: duckdb.DuckDBPyConnection,
) -> None:
    two = {**SALES, "store": 2, "load_id": 2}
    one_way = version_of(memory_database, ("sales", SALES), ("sales", two))
    assert one_way == version_of(
        memory_database, ("sales", {**two, "load_id": 7}), ("sales", {**SALES, "load_id": 8})
    )
    assert one_way != version_of(memory_database, ("sales", SALES))


def test_of_several_versions_of_a_row_the_one_of_the_newest_load_counts(
    memory_database: duckdb.DuckDBPyConnection,
) -> None:
    early, late = {**SALES, "sales": 1.0}, {**SALES, "sales": 2.0, "load_id": 3}
    for table in (("sales", early), ("sales", late)), (("sales", late), ("sales", early)):
        found = version_of(memory_database, *table)
        assert found == version_of(memory_database, ("sales", late))
    day_later = {**SALES, "date": MONDAY + timedelta(days=1)}
    assert version_of(memory_database, ("sales", SALES), ("sales", day_later)) != version_of(
        memory_database, ("sales", day_later)
    )


def load(connection: duckdb.DuckDBPyConnection, number: int) -> None:
    record_loads(connection, [number])


def test_the_data_version_is_computed_once_per_load(warehouse: duckdb.DuckDBPyConnection) -> None:
    before_any_load = data_version(warehouse)
    assert warehouse.execute("FROM raw.data_versions").fetchall() == []
    load(warehouse, 1)
    load(warehouse, 2)
    assert data_version(warehouse) == before_any_load
    assert warehouse.execute("FROM raw.data_versions").fetchall() == [(2, before_any_load)]
    warehouse.execute("UPDATE raw.data_versions SET data_version = 'kept'")
    assert data_version(warehouse) == "kept"
    load(warehouse, 3)
    assert data_version(warehouse) == before_any_load
    rows = warehouse.execute("FROM raw.data_versions ORDER BY ALL").fetchall()
    assert rows == [(2, "kept"), (3, before_any_load)]


WORDS = st.text("ab1", max_size=2)
PLAIN = st.dictionaries(WORDS, st.integers(-3, 3) | WORDS, max_size=4)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(PLAIN, PLAIN, st.randoms(use_true_random=False))
def test_mappings_have_the_same_fingerprint_exactly_if_they_are_equal(
    one: dict[str, object], two: dict[str, object], random: object
) -> None:
    items = list(one.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    assert fingerprint(dict(items)) == fingerprint(one)
    assert (fingerprint(one) == fingerprint(two)) == (one == two)


def test_a_fingerprint_is_the_start_of_the_sha256_of_compact_json() -> None:
    def start_of(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    assert fingerprint({"b": 1, "a": [MONDAY]}) == start_of('{"a":["2015-06-15"],"b":1}')
    assert fingerprint([2, "a"]) == start_of('[2,"a"]')
    assert fingerprint((2, "a")) == fingerprint(iter([2, "a"])) != fingerprint(["a", 2])


CODE = ("rossmann_ml/a.py", "rossmann_ml/b/c.py", "rossmann_ml/q.sql", "rossmann_ml/q.json")
DBT = ("dbt_project/models/m.sql", "dbt_project/macros/n.sql", "dbt_project/dbt_project.yml")
COUNTED = (*CODE, "rossmann_ml/b/s.yaml", *DBT, "params.yaml")
NOT_COUNTED = ("rossmann_ml/notes.md", "app/a.py", "tests/a.py", "dbt_project/profiles.yml", "b.py")


def checkout(folder: Path, files: dict[str, str]) -> str:
    """Return the code version of a checkout with these files; each needs its own folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return code_version(folder)


@pytest.mark.parametrize("changed", COUNTED)
def test_every_file_of_library_models_and_parameters_changes_the_code_version(
    tmp_path: Path, changed: str
) -> None:
    files = dict.fromkeys(COUNTED, "x")
    versions = [
        checkout(tmp_path / "as it is", files),
        checkout(tmp_path / "changed", {**files, changed: "y"}),
        checkout(tmp_path / "gone", {name: "x" for name in COUNTED if name != changed}),
        checkout(
            tmp_path / "moved",
            {changed + ".py" if name == changed else name: "x" for name in COUNTED},
        ),
    ]
    assert len(set(versions)) == (
        3 if changed in ("params.yaml", "dbt_project/dbt_project.yml") else 4
    )
    assert {len(version) for version in versions} == {12}


def test_other_files_and_the_place_of_the_checkout_do_not_change_the_code_version(
    tmp_path: Path,
) -> None:
    files = dict.fromkeys(COUNTED, "x")
    more = checkout(tmp_path / "b", {**files, **dict.fromkeys(NOT_COUNTED, "x")})
    assert checkout(tmp_path / "a", files) == more


def test_the_code_version_of_a_process_is_that_of_its_start(tmp_path: Path) -> None:
    before = checkout(tmp_path, {"params.yaml": "x"})
    assert checkout(tmp_path, {"params.yaml": "y"}) == before


def test_the_code_version_is_the_hash_of_paths_and_contents_in_order(tmp_path: Path) -> None:
    found = checkout(tmp_path, {"rossmann_ml/b.py": "2", "rossmann_ml/a.py": "1"})
    expected = hashlib.sha256(b"rossmann_ml/a.py1rossmann_ml/b.py2").hexdigest()[:12]
    assert found == expected


def test_versions_are_those_of_data_code_and_commit_and_their_tags(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")  # without git, so that no process is started
    home = settings_as_of(None).model_copy(update={"home": tmp_path})
    found = Session(home).versions(warehouse)
    assert found == Versions(data_version(warehouse), code_version(tmp_path), "unknown")
    assert Versions("d", "c", "g").as_tags() == {
        "data_version": "d",
        "code_version": "c",
        "git_commit": "g",
    }
