"""A warehouse of an earlier version is migrated with a message; one of a later version is left."""

from __future__ import annotations

import logging
from datetime import datetime

import duckdb
import pytest
from support.small_warehouse import add_week, rebuild_marts

from app.published import PublishedReader
from rossmann_ml.base.errors import SchemaError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import publish
from rossmann_ml.serving.generations import list_generations, open_generation, read_info
from rossmann_ml.warehouse import schema
from rossmann_ml.warehouse.connection import connect
from rossmann_ml.warehouse.session import Session


def make_it_older(settings: Settings) -> None:
    """Take away what was added since the first version."""
    with duckdb.connect(str(settings.database_path)) as connection:
        connection.execute("DROP SCHEMA meta CASCADE")
        connection.execute("ALTER TABLE forecasting.model_versions DROP COLUMN recipe")
        connection.execute("ALTER TABLE forecasting.model_versions DROP COLUMN blend_weights")
        for table in ("model_versions", "backtest_scores"):
            connection.execute(f"ALTER TABLE forecasting.{table} DROP COLUMN rmspe_median")
        connection.execute("CREATE TABLE forecasting.out_of_fold (day DATE)")
        for table in ("forecasting.forecast_drivers", "forecasting.total_intervals"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("DROP TABLE raw.data_versions")


def versions(settings: Settings) -> list[tuple[int, str]]:
    with connect(settings, read_only=True) as connection:
        return connection.execute(
            "SELECT version, script FROM meta.schema_versions ORDER BY 1"
        ).fetchall()


def test_a_new_warehouse_records_the_version_it_was_made_with(small_warehouse: Settings) -> None:
    assert versions(small_warehouse) == [(schema.SCHEMA_VERSION, "")]


def test_the_version_is_the_number_of_the_newest_migration() -> None:
    assert list(schema.MIGRATIONS) == list(range(2, schema.SCHEMA_VERSION + 1))


@pytest.mark.parametrize("read_only", [True, False])
def test_an_older_warehouse_is_migrated_with_a_message_and_loses_nothing(
    small_warehouse: Settings, caplog: pytest.LogCaptureFixture, read_only: bool
) -> None:
    make_it_older(small_warehouse)
    with caplog.at_level(logging.WARNING), connect(small_warehouse, read_only=read_only) as opened:
        ((rows,),) = opened.execute("SELECT count(*) FROM raw.sales").fetchall()
        columns = opened.execute("SELECT * FROM forecasting.model_versions").description
        medians = opened.execute("SELECT rmspe_median FROM forecasting.model_versions").fetchall()
        tables = {name for (name,) in opened.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'forecasting'"
        ).fetchall()}  # fmt: skip
    assert rows > 2000
    assert {"recipe", "blend_weights"} <= {column[0] for column in columns}
    assert medians == [(0.115,)]
    assert {"forecast_drivers", "total_intervals"} <= tables
    assert "out_of_fold" not in tables
    assert caplog.messages == ["the warehouse was migrated from schema version 1 to 3"]
    assert versions(small_warehouse) == [
        (1, ""),
        (2, "0002_blend.sql"),
        (3, "0003_median_rmspe.sql"),
    ]
    caplog.clear()
    with connect(small_warehouse):
        assert caplog.messages == []


def test_what_was_migrated_can_be_published(
    small_warehouse: Settings, project_params: Params
) -> None:
    make_it_older(small_warehouse)
    with connect(small_warehouse) as connection:
        rebuild_marts(connection)
    generation = publish(Session(small_warehouse, project_params), run_id="weekly-1")
    assert generation.info.schema_version == schema.SCHEMA_VERSION


def test_a_migration_that_fails_leaves_the_former_version(
    small_warehouse: Settings, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_it_older(small_warehouse)
    broken = tmp_path / "0003_broken.sql"
    broken.write_text("ALTER TABLE raw.loads ADD COLUMN extra INTEGER; SELECT * FROM nowhere;")
    monkeypatch.setattr(schema, "MIGRATIONS", {**schema.MIGRATIONS, 3: broken})
    with pytest.raises(duckdb.CatalogException), connect(small_warehouse):
        pass
    monkeypatch.undo()
    with connect(small_warehouse) as connection:
        assert "extra" not in [
            column[0] for column in connection.execute("SELECT * FROM raw.loads").description
        ]
    assert versions(small_warehouse)[-1][0] == schema.SCHEMA_VERSION


@pytest.mark.parametrize("read_only", [True, False])
def test_a_later_warehouse_is_refused_and_not_changed(
    small_warehouse: Settings, read_only: bool
) -> None:
    with connect(small_warehouse) as connection:
        later = [99, "0099_later.sql", datetime(2030, 1, 1)]
        connection.execute("INSERT INTO meta.schema_versions VALUES (?, ?, ?)", later)
    before = small_warehouse.database_path.read_bytes()
    with (
        pytest.raises(SchemaError, match="schema version 99, this code knows 3"),
        connect(small_warehouse, read_only=read_only),
    ):
        pass
    assert small_warehouse.database_path.read_bytes() == before


def test_a_generation_of_before_the_version_was_written_down_is_still_read(
    small_warehouse: Settings, project_params: Params
) -> None:
    older = publish(Session(small_warehouse, project_params), run_id="weekly-1")
    older.path.chmod(0o644)
    with duckdb.connect(str(older.path)) as connection:
        connection.execute("DROP VIEW latest_forecasts")
        connection.execute("ALTER TABLE generation_info DROP COLUMN schema_version")
        connection.execute("DROP TABLE shadow_forecasts")
        connection.execute(
            "CREATE VIEW latest_forecasts AS FROM forecasts WHERE forecast_origin = "
            "(SELECT max(forecast_origin) FROM forecasts)"
        )
    with open_generation(older.path) as connection:
        assert read_info(connection).schema_version == schema.UNRECORDED_VERSION
    reader = PublishedReader(small_warehouse.published_path)
    with reader.reading() as reading:
        assert reading.info.generation_id == older.generation_id
        assert not reading.has_table("shadow_forecasts")
    add_week(small_warehouse)
    newer = publish(Session(small_warehouse, project_params), run_id="weekly-2")
    assert reader.follow().info.schema_version == schema.SCHEMA_VERSION
    reader.close()
    kept = [each.path for each in list_generations(small_warehouse)]
    assert kept == [newer.path, older.path]
