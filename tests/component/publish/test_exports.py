"""Exported Parquet files: equal tables give equal bytes, linked to the landed files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer
from support.retailer import Retailer
from typer.testing import CliRunner

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.settings import Settings, default_settings
from rossmann_ml.cli.data.versions import export as export_command
from rossmann_ml.ingest import land_incoming
from rossmann_ml.publish.exports import export_tables
from rossmann_ml.warehouse.connection import connect
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.versions import data_version

BUILT = """
CREATE SCHEMA IF NOT EXISTS core;
CREATE TABLE core.forecast_origin AS SELECT DATE '2015-06-19' AS forecast_origin;
CREATE TABLE core.dim_store AS SELECT DISTINCT store AS store_id FROM raw.stores;
CREATE TABLE core.fct_daily_sales AS
    SELECT store AS store_id, date AS sales_date, sales FROM raw.sales;
CREATE TABLE core.store_plan AS SELECT store AS store_id, date AS plan_date, promo FROM raw.plan;
CREATE TABLE features.scoring_panel AS
    SELECT DATE '2015-06-19' AS forecast_origin, store AS store_id, date AS target_date
    FROM raw.plan;
CREATE TABLE features.training_panel AS FROM features.scoring_panel;
"""


@pytest.fixture
def landed(tmp_path: Path) -> Settings:
    retailer = Retailer(tmp_path)
    retailer.write_bulk()
    settings = retailer.settings
    land_incoming(Session(settings), paths=[settings.raw_path])
    return settings


@pytest.fixture
def built(landed: Settings) -> Settings:
    with connect(landed) as connection:
        connection.execute(BUILT)
    return landed


def export(settings: Settings, folder: Path) -> dict[str, Any]:
    return export_tables(Session(settings), folder, folder / "data_version.json")


def test_the_same_rows_in_another_order_give_the_same_bytes(
    built: Settings, tmp_path: Path
) -> None:
    first = export(built, tmp_path / "first")
    with connect(built) as connection:
        connection.execute(
            "CREATE OR REPLACE TABLE core.fct_daily_sales AS "
            "FROM core.fct_daily_sales ORDER BY hash(store_id, sales_date)"
        )
    assert export(built, tmp_path / "second") == first


def test_files_have_the_rows_and_the_page_describes_them(built: Settings, tmp_path: Path) -> None:
    made = export(built, tmp_path / "out")
    path = tmp_path / "out" / "core" / "fct_daily_sales.parquet"
    rows = pl.read_parquet(path)
    assert rows.select("store_id", "sales_date").is_duplicated().sum() == 0
    assert rows.equals(rows.sort("store_id", "sales_date"))
    table = made["tables"]["core.fct_daily_sales"]
    assert (table["rows"], table["bytes"]) == (rows.height, path.stat().st_size)
    assert table["md5"] == hashlib.md5(path.read_bytes()).hexdigest()

    page = json.loads((tmp_path / "out" / "data_version.json").read_text())
    with connect(built, read_only=True) as connection:
        assert page["data_version"] == data_version(connection)
    assert page["forecast_origin"] == "2015-06-19"
    raw = {file["name"]: file["md5"] for file in page["landed"]}
    assert raw == {
        path.name: hashlib.md5(path.read_bytes()).hexdigest()
        for path in built.raw_path.glob("*.csv")
    }
    assert sorted(path.name for path in (tmp_path / "out").rglob("*") if path.is_file()) == [
        *("data_version.json", "dim_store.parquet", "fct_daily_sales.parquet"),
        *("scoring_panel.parquet", "store_plan.parquet", "training_panel.parquet"),
    ]


def test_a_file_that_changed_since_it_was_landed_has_no_md5(
    built: Settings, tmp_path: Path
) -> None:
    with (built.raw_path / "store.csv").open("a") as stream:
        stream.write("\n")
    made = export(built, tmp_path / "out")
    assert {file["name"] for file in made["landed"] if file["md5"] is None} == {"store.csv"}


def test_what_has_not_been_built_yet_is_named(landed: Settings, tmp_path: Path) -> None:
    with pytest.raises(NoDataError, match=r"core\.dim_store, .*rossmann refresh"):
        export(landed, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def environment(built: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    monkeypatch.setenv("ROSSMANN_RAW_DIR", str(built.raw_path))
    monkeypatch.setenv("ROSSMANN_WAREHOUSE_DIR", str(built.warehouse_path))
    default_settings.cache_clear()
    yield built
    default_settings.cache_clear()


def test_the_command_prints_version_and_sizes(environment: Settings, tmp_path: Path) -> None:
    (environment.raw_path / "store.csv").unlink()
    app = typer.Typer()
    app.command()(export_command)
    told = CliRunner().invoke(app, ["--out", str(tmp_path / "out")])
    assert told.exit_code == 0, told.output
    page = json.loads((tmp_path / "out" / "data_version.json").read_text())
    assert f"Data version {page['data_version']} of retailer, origin 2015-06-19" in told.output
    assert page["tables"]["core.store_plan"]["md5"] in told.output
    assert "not where they were landed from, or changed since: store.csv" in told.output
