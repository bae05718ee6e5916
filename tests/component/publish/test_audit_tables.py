"""The audit's checks of every table (columns, rows, key, numbers) and their messages."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from support.tiny_generation import few_tables

from rossmann_ml.base.errors import PublishError
from rossmann_ml.publish.audit import audit_generation, schema_of


@pytest.fixture
def planted(sound_generation: tuple[Path, dict[str, int]], tmp_path: Path) -> Path:
    """Return a copy of the valid generation that the test may change."""
    path = tmp_path / "copy.duckdb"
    path.write_bytes(sound_generation[0].read_bytes())
    return path


def told(path: Path, rows: dict[str, int], statements: str = "SELECT 1") -> str:
    """Change the file and return the audit's message without its first words."""
    with duckdb.connect(str(path)) as connection:
        connection.execute(statements)
    with pytest.raises(PublishError) as refusal:
        audit_generation(path, contract=few_tables(), expected_rows=rows)
    first_words = "the generation did not pass its audit and is not served: "
    assert str(refusal.value).startswith(first_words)
    return str(refusal.value).removeprefix(first_words)


@pytest.mark.parametrize("expected", [23, 25])
def test_a_table_has_exactly_the_rows_of_its_source(
    planted: Path, sound_generation: tuple[Path, dict[str, int]], expected: int
) -> None:
    rows = {**sound_generation[1], "forecast_horizon_totals": expected}
    assert told(planted, rows) == f"forecast_horizon_totals has 24 rows, its source {expected}"


def test_thousands_of_rows_have_commas_in_the_message(
    planted: Path, sound_generation: tuple[Path, dict[str, int]]
) -> None:
    more = (
        "INSERT INTO stores_not_forecast "
        "SELECT DATE '2015-06-19', i, 'no plan' FROM range(1234) AS t(i)"
    )
    rows = {**sound_generation[1], "stores_not_forecast": 1233}
    assert told(planted, rows, more) == "stores_not_forecast has 1,234 rows, its source 1,233"
    right = {**rows, "stores_not_forecast": 1234}
    counted = audit_generation(planted, contract=few_tables(), expected_rows=right)
    assert counted["stores_not_forecast"] == 1234


def test_the_first_duplicate_key_is_named_with_all_its_columns(
    planted: Path, sound_generation: tuple[Path, dict[str, int]]
) -> None:
    again = "INSERT INTO stores_not_forecast VALUES (DATE '2015-06-19', {}, 'no plan')"
    keys = (9, 4, 4, 4, 9, 5)
    message = told(
        planted,
        {**sound_generation[1], "stores_not_forecast": len(keys)},
        ";".join(again.format(store) for store in keys),
    )
    assert message == (
        "stores_not_forecast has 3 rows of the key forecast_origin = 2015-06-19, store_id = 4, "
        "expected one"
    )


def test_numbers_that_are_not_finite_are_counted_by_column(
    planted: Path, sound_generation: tuple[Path, dict[str, int]]
) -> None:
    model = "INSERT INTO model_versions SELECT * REPLACE ({0} AS model_version, "
    model += "'{0}'::DOUBLE AS rmspe_mean) FROM model_versions WHERE model_version = 'm'"
    scores = "INSERT INTO backtest_scores SELECT * REPLACE ('{0}' AS model, "
    scores += "'{0}'::DOUBLE AS coverage_95) FROM backtest_scores WHERE model = 'blend'"
    statements = [model.format(f"'{value}'").replace("''", "'") for value in ("nan", "inf")]
    statements += [scores.format("-inf")]
    rows = {**sound_generation[1], "model_versions": 3, "backtest_scores": 2}
    assert told(planted, rows, ";".join(statements)) == (
        "model_versions.rmspe_mean is not a finite number in 2 rows; "
        "backtest_scores.coverage_95 is not a finite number in 1 rows"
    )


def test_every_table_and_view_is_there_with_its_columns_and_no_other(
    planted: Path, sound_generation: tuple[Path, dict[str, int]]
) -> None:
    message = told(
        planted,
        # rows are not checked if the shape is wrong
        {**sound_generation[1], "forecast_totals": 99},
        """
        DROP TABLE stores_not_forecast;
        DROP VIEW latest_forecasts;
        ALTER TABLE forecast_totals ALTER lower_80 SET NOT NULL;
        ALTER TABLE backtest_scores ALTER segment DROP NOT NULL;
        ALTER TABLE model_versions ALTER training_rows TYPE INTEGER;
        CREATE TABLE extra (a INTEGER)
        """,
    )
    faults = message.split("; ")
    changed = [fault.partition(" has the columns [('")[0] for fault in faults[:4]]
    assert changed == [
        *("forecast_totals", "stores_not_forecast is missing", "model_versions"),
        "backtest_scores",
    ]
    assert "('training_rows', 'INTEGER', False)" in faults[2].partition("expected")[0]
    assert "('training_rows', 'BIGINT', False)" in faults[2].partition("expected")[2]
    assert faults[4:] == ["latest_forecasts is missing", "extra is not in the contract"]


@pytest.mark.parametrize(("planted_tables", "more"), [(12, ""), (13, "; and 1 more")])
def test_twelve_faults_are_shown_and_the_rest_is_counted(
    planted: Path, sound_generation: tuple[Path, dict[str, int]], planted_tables: int, more: str
) -> None:
    extra = ";".join(f"CREATE TABLE extra_{i} (a INTEGER)" for i in range(planted_tables))
    message = told(planted, sound_generation[1], extra)
    assert message.count("is not in the contract") == 12
    assert message.partition("; and ")[2] == more.removeprefix("; and ")


@pytest.mark.parametrize("version", ["v1.0.0", "v1.4.0"])
def test_a_file_in_another_storage_format_is_refused(
    sound_generation: tuple[Path, dict[str, int]], tmp_path: Path, version: str
) -> None:
    newest = tmp_path / "newest.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{sound_generation[0]}' AS old (READ_ONLY)")
        connection.execute(f"ATTACH '{newest}' AS newest (STORAGE_VERSION '{version}')")
        connection.execute("COPY FROM DATABASE old TO newest")
    with pytest.raises(PublishError) as refusal:
        audit_generation(newest, contract=few_tables(), expected_rows=sound_generation[1])
    # v1.2.0 is the format that DuckDB clients from 1.2 on can open
    assert f"the file has DuckDB's storage version {version}" in str(refusal.value)
    assert str(refusal.value).endswith("expected v1.2.0")


def test_the_schema_is_read_in_the_order_of_the_file() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE b (z INTEGER NOT NULL, a VARCHAR)")
        connection.execute("CREATE VIEW a AS SELECT a, z FROM b")
        assert schema_of(connection) == {
            "a": [("a", "VARCHAR", True), ("z", "INTEGER", True)],
            "b": [("z", "INTEGER", False), ("a", "VARCHAR", True)],
        }
