"""An origin that left the published file is archived once, sorted by store and day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
from support.dbt_sql import fill
from support.tiny_generation import NEWEST, OLDER, forecast_row, run_row

from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.publish.vintages import ARCHIVED_TABLE, export_vintages, vintages_path
from rossmann_ml.warehouse.schema import DDL_DIR

COLUMNS = (
    *("forecast_origin", "store_id", "target_date", "horizon_days", "is_open"),
    *("sales_forecast", "lower_80", "upper_80", "lower_95", "upper_95", "model_version"),
    *("run_id", "plan_source", "sales_median", "error_scale"),
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings of an empty folder whose name has a quote."""
    return load_settings(warehouse_dir=tmp_path / "erika's", state_dir=tmp_path / "state")


@pytest.fixture(scope="module")
def filled() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return unsorted forecasts of two origins; two runs made those of the older one."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute((DDL_DIR / "02_forecasting.sql").read_text(encoding="utf-8"))
        rows = [
            forecast_row(origin, store, day)
            for day in (3, 1, 2)
            for store in (2, 1)
            for origin in (NEWEST, OLDER)
        ]
        late = forecast_row(OLDER, 3, 1, run_id="late")
        fill(connection, "forecasting.forecasts", [*rows, late])
        runs = [run_row(f"run-{origin}", origin) for origin in (OLDER, NEWEST)]
        runs += [run_row("late", OLDER, input_hash="aa")]
        fill(connection, "forecasting.forecast_runs", runs)
        yield connection


@pytest.fixture
def warehouse(filled: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """Return the same warehouse, restored after the test."""
    filled.execute("BEGIN")
    yield filled
    filled.execute("ROLLBACK")


def export(warehouse: duckdb.DuckDBPyConnection, settings: Settings, *origins: date) -> list[str]:
    """Archive origins and return the names of the written files."""
    written = export_vintages(warehouse, settings, origins)
    assert all(path.parent == vintages_path(settings) for path in written)
    return [path.name for path in written]


def names(settings: Settings) -> list[str]:
    """Return the names of all files in the folder, hidden ones too; each has its digest."""
    found = sorted(path.name for path in vintages_path(settings).iterdir())
    digests = [name for name in found if name.endswith(".sha256")]
    assert digests == [f"{name}.sha256" for name in found if name not in digests]
    return [name for name in found if name not in digests]


def test_a_file_holds_the_forecasts_of_its_origin_in_the_contracts_columns_and_order(
    warehouse: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    (name,) = export(warehouse, settings, OLDER)
    # hashes of both runs, sorted
    assert name == "forecasts_2015-06-12_aa-hash-2015-06-12.parquet"
    assert names(settings) == [name]
    assert vintages_path(settings) == settings.published_path / "vintages"
    read = duckdb.from_parquet(str(vintages_path(settings) / name))
    assert tuple(read.columns) == COLUMNS
    expected = [
        tuple(forecast_row(OLDER, store, day)[column] for column in COLUMNS)
        for store in (1, 2)
        for day in (1, 2, 3)
    ]
    late = forecast_row(OLDER, 3, 1, run_id="late")
    assert read.fetchall() == [*expected, tuple(late[column] for column in COLUMNS)]


def test_an_origin_is_written_again_only_if_its_file_is_not_the_one_that_was_written(
    warehouse: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    first = export(warehouse, settings, OLDER)
    path = vintages_path(settings) / first[0]
    before, inode = path.read_bytes(), path.stat().st_ino
    # the first origin is archived already, the next one is not
    assert export(warehouse, settings, OLDER, NEWEST) == [
        "forecasts_2015-06-19_hash-2015-06-19.parquet"
    ]
    assert path.stat().st_ino == inode
    path.write_bytes(before[:-1])
    assert export(warehouse, settings, NEWEST, OLDER) == first
    assert path.read_bytes() == before


def test_an_origin_that_was_scored_again_replaces_its_old_file_only(
    warehouse: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    export(warehouse, settings, OLDER, NEWEST)
    warehouse.execute(
        "UPDATE forecasting.forecast_runs SET input_hash = 'bb' WHERE run_id = 'run-2015-06-12'"
    )
    assert export(warehouse, settings, OLDER, NEWEST) == ["forecasts_2015-06-12_aa-bb.parquet"]
    assert names(settings) == [
        "forecasts_2015-06-12_aa-bb.parquet",
        "forecasts_2015-06-19_hash-2015-06-19.parquet",
    ]


def test_a_file_whose_run_is_lost_is_called_unknown(
    warehouse: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    warehouse.execute("DELETE FROM forecasting.forecast_runs")
    assert export(warehouse, settings, NEWEST) == ["forecasts_2015-06-19_unknown.parquet"]


def test_without_old_origins_no_file_is_written(
    warehouse: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    assert export(warehouse, settings) == []
    assert not vintages_path(settings).exists()
    assert ARCHIVED_TABLE == "forecasts"
