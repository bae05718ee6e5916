"""A warehouse of an older schema version is migrated; one of a later version is refused."""

from __future__ import annotations

import logging
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

from rossmann_ml.base.errors import SchemaError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.publishing import publish
from rossmann_ml.serving.generations import open_generation, read_info
from rossmann_ml.warehouse import schema
from rossmann_ml.warehouse.connection import connect
from rossmann_ml.warehouse.session import Session

FORECASTS = "forecasting.out_of_fold_forecasts"
NOTE = "ALTER TABLE raw.sales ADD COLUMN note VARCHAR; UPDATE raw.sales SET note = 'of before';"


@pytest.fixture
def migrations(small_warehouse: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder of migrations, for a warehouse of the first version."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    with duckdb.connect(str(small_warehouse.database_path)) as connection:
        connection.execute("UPDATE meta.schema_versions SET version = 1")
    monkeypatch.setattr(schema, "MIGRATIONS_DIR", folder)
    return folder


def versions(settings: Settings) -> list[tuple[int, str]]:
    with connect(settings, read_only=True) as connection:
        return connection.execute(
            "SELECT version, script FROM meta.schema_versions ORDER BY 1"
        ).fetchall()


def make_older(settings: Settings, version: int, *changes: str) -> None:
    """Change a warehouse's tables to those of an earlier schema version."""
    with duckdb.connect(str(settings.database_path)) as connection:
        for change in changes:
            connection.execute(change)
        connection.execute("UPDATE meta.schema_versions SET version = ?", [version])


def test_a_new_warehouse_records_the_version_it_was_made_with(small_warehouse: Settings) -> None:
    assert versions(small_warehouse) == [(schema.newest_version(), "")]


def test_migrations_are_numbered_on_from_the_first_version() -> None:
    numbers = [int(path.name[:4]) for path in sorted(schema.MIGRATIONS_DIR.glob("*.sql"))]
    assert numbers == list(range(2, schema.newest_version() + 1))


def test_loads_of_the_first_version_get_the_day_of_their_file(small_warehouse: Settings) -> None:
    added = ("file_date", "rows_passed_over", "rows_taken_back", "replaced_by", "replaced_from")
    added += ("withdrawn_on", "withdrawn_at", "withdrawn_because", "accepted_by")
    names = {
        2: ("sales", "sales_2015-06-05.csv", "false"),
        3: ("sales", "train.csv", "true"),
        4: ("plan", "test.csv", "true"),
        5: ("stores", "store.csv", "true"),
    }
    with duckdb.connect(str(small_warehouse.database_path)) as connection:
        for load_id, (kind, name, is_bulk) in names.items():
            connection.execute(
                "INSERT INTO raw.loads BY NAME SELECT * REPLACE "
                f"({load_id} AS load_id, '{kind}' AS kind, '{name}' AS file_name, "
                f"{is_bulk} AS is_bulk, DATE '2013-01-01' AS first_date, "
                "DATE '2015-05-22' AS last_date) FROM raw.loads WHERE load_id = 1"
            )
        for name in added:
            connection.execute(f"ALTER TABLE raw.loads DROP COLUMN {name}")
        connection.execute(f"ALTER TABLE {FORECASTS} DROP COLUMN trained_through")
        connection.execute("UPDATE meta.schema_versions SET version = 1")
    with connect(small_warehouse) as connection:
        days = connection.execute(
            "SELECT file_date FROM raw.loads WHERE load_id > 1 ORDER BY load_id"
        ).fetchall()
        assert connection.execute("SELECT count(*) > 2000 FROM raw.sales").fetchall()[0][0]
    assert days == [(date(2015, 6, 5),), (date(2015, 5, 22),), (date(2012, 12, 31),), (None,)]


def test_forecasts_of_the_second_version_are_by_models_of_their_own_day(
    small_warehouse: Settings,
) -> None:
    def columns(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
        return connection.execute(f"DESCRIBE {FORECASTS}").fetchall()

    with duckdb.connect(str(small_warehouse.database_path)) as connection:
        expected = columns(connection)
        connection.execute(f"ALTER TABLE {FORECASTS} DROP COLUMN trained_through")
        connection.execute(
            f"INSERT INTO {FORECASTS} "
            "VALUES ('m', 'd', 'xgboost', '2015-05-08', 1, '2015-05-09', 8)"
        )
        connection.execute("UPDATE meta.schema_versions SET version = 2")
    with connect(small_warehouse) as connection:
        assert columns(connection) == expected
        assert connection.execute(
            f"SELECT trained_through, log_forecast FROM {FORECASTS} WHERE member_hash = 'm'"
        ).fetchall() == [(date(2015, 5, 8), 8.0)]


def test_forecasts_of_the_third_version_are_kept_without_quantiles(
    small_warehouse: Settings,
) -> None:
    make_older(
        small_warehouse,
        3,
        "ALTER TABLE forecasting.forecasts DROP COLUMN sales_median",
        "ALTER TABLE forecasting.forecasts DROP COLUMN error_scale",
        "DROP TABLE forecasting.error_quantiles",
    )
    with connect(small_warehouse) as connection:
        found = connection.execute(
            "SELECT count(*) > 700, count(sales_median), count(error_scale) "
            "FROM forecasting.forecasts"
        ).fetchall()
        assert connection.execute("FROM forecasting.error_quantiles").fetchall() == []
    assert found == [(True, 0, 0)]


def test_runs_of_the_fourth_version_get_their_unbiased_total_if_its_factor_is_known(
    small_warehouse: Settings,
) -> None:
    make_older(
        small_warehouse,
        4,
        "ALTER TABLE forecasting.forecast_runs DROP COLUMN total_sales_unbiased",
        "DELETE FROM forecasting.total_intervals WHERE forecast_origin = "
        "(SELECT min(forecast_origin) FROM forecasting.forecast_runs)",
    )
    with connect(small_warehouse) as connection:
        factors = connection.execute(
            "SELECT round(total_sales_unbiased / total_sales_forecast, 9) "
            "FROM forecasting.forecast_runs ORDER BY forecast_origin"
        ).fetchall()
    assert factors == [(None,), *[(1.02,)] * (len(factors) - 1)]
    assert len(factors) > 1


@pytest.mark.parametrize("read_only", [True, False])
def test_an_older_warehouse_is_migrated_with_a_message_and_loses_nothing(
    small_warehouse: Settings, migrations: Path, caplog: pytest.LogCaptureFixture, read_only: bool
) -> None:
    (migrations / "0002_note.sql").write_text(NOTE)
    (migrations / "0003_upper.sql").write_text("UPDATE raw.sales SET note = upper(note)")
    with caplog.at_level(logging.WARNING), connect(small_warehouse, read_only=read_only) as opened:
        ((rows,),) = opened.execute("SELECT count(*) FROM raw.sales").fetchall()
        notes = opened.execute("SELECT DISTINCT note FROM raw.sales").fetchall()
    assert rows > 2000
    assert notes == [("OF BEFORE",)]
    assert caplog.messages == ["the warehouse was migrated from schema version 1 to 3"]
    assert versions(small_warehouse) == [(1, ""), (2, "0002_note.sql"), (3, "0003_upper.sql")]
    caplog.clear()
    with connect(small_warehouse):
        assert caplog.messages == []


def test_a_generation_says_the_schema_version_it_was_made_from(
    small_warehouse: Settings, project_params: Params, migrations: Path
) -> None:
    (migrations / "0002_note.sql").write_text(NOTE)
    generation = publish(Session(small_warehouse, project_params), run_id="weekly-1")
    with open_generation(generation.path) as connection:
        assert read_info(connection).schema_version == 2


def test_a_migration_that_fails_leaves_the_old_version(
    small_warehouse: Settings, migrations: Path
) -> None:
    (migrations / "0002_note.sql").write_text(NOTE)
    broken = migrations / "0003_broken.sql"
    broken.write_text("SELECT * FROM nowhere")
    with pytest.raises(duckdb.CatalogException), connect(small_warehouse):
        pass
    broken.unlink()
    (migrations / "0002_note.sql").unlink()
    assert versions(small_warehouse) == [(1, "")]
    with connect(small_warehouse) as connection:
        columns = [each[0] for each in connection.execute("FROM raw.sales").description]
    assert "note" not in columns


@pytest.mark.parametrize("read_only", [True, False])
def test_a_later_warehouse_is_refused_and_not_changed(
    small_warehouse: Settings, read_only: bool
) -> None:
    with connect(small_warehouse) as connection:
        later = [99, "0099_later.sql", datetime(2030, 1, 1)]
        connection.execute("INSERT INTO meta.schema_versions VALUES (?, ?, ?)", later)
    before = small_warehouse.database_path.read_bytes()
    known = f"schema version 99, this code supports {schema.newest_version()}"
    with (
        pytest.raises(SchemaError, match=known),
        connect(small_warehouse, read_only=read_only),
    ):
        pass
    assert small_warehouse.database_path.read_bytes() == before
