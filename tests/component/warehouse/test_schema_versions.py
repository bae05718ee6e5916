"""A warehouse of an older schema version is migrated; one of a later version is refused."""

from __future__ import annotations

import logging
from datetime import datetime
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

NOTE = "ALTER TABLE raw.sales ADD COLUMN note VARCHAR; UPDATE raw.sales SET note = 'of before';"


@pytest.fixture
def migrations(tmp_path: Path, small_warehouse: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that replaces ``warehouse/migrations``, for a first warehouse."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    with connect(small_warehouse) as connection:
        connection.execute("UPDATE meta.schema_versions SET version = 1")
    monkeypatch.setattr(schema, "MIGRATIONS_DIR", folder)
    return folder


def versions(settings: Settings) -> list[tuple[int, str]]:
    with connect(settings, read_only=True) as connection:
        return connection.execute(
            "SELECT version, script FROM meta.schema_versions ORDER BY 1"
        ).fetchall()


def test_a_new_warehouse_records_the_version_it_was_made_with(small_warehouse: Settings) -> None:
    assert versions(small_warehouse) == [(schema.newest_version(), "")]


def test_migrations_are_numbered_on_from_the_first_version() -> None:
    numbers = [int(path.name[:4]) for path in sorted(schema.MIGRATIONS_DIR.glob("*.sql"))]
    assert numbers == list(range(2, schema.newest_version() + 1))


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
