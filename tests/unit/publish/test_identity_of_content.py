"""Generation ids, compared with a hash that is computed by hand from the content.

Definition: ``draft_generation``'s docstring. Landed rows, champion, code, the
inputs of the published forecast runs and shadow forecasts determine the id; time and run do not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.dbt_sql import fill
from support.tiny_generation import NOON, forecast_row, run_row

from rossmann_ml.base.errors import NoDataError, PublishError
from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.settings import PROJECT_DIR, load_settings
from rossmann_ml.publish.identity import Draft, draft_generation
from rossmann_ml.warehouse import versions
from rossmann_ml.warehouse.schema import create_tables, newest_version
from rossmann_ml.warehouse.tables.models import require_champion

ORIGINS = tuple(date(2015, 6, 5) + timedelta(days=7 * week) for week in range(4))
DATA = "d0d0d0d0d0d0"
CODE = "c0c0c0c0c0c0"


@pytest.fixture(scope="module")
def filled() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return four origins with one run each, a champion, and shadow forecasts at the newest two."""
    with duckdb.connect(config={"threads": 1}) as connection:
        create_tables(connection)
        connection.execute(
            "INSERT INTO raw.data_set VALUES ('retailer', false, true, current_date);"
            "INSERT INTO raw.sales VALUES (1, 2, 1, 5, '2015-06-26', 9, 1, 1, 0, '0', 0, "
            "'2015-06-26');"
            "INSERT INTO raw.loads SELECT 1, 'sales', 'a', 'a', true, 1, 1, 0, 0, 0, NULL, NULL, "
            f"'2015-06-26', current_date, NULL; INSERT INTO raw.data_versions VALUES (1, '{DATA}')"
        )
        rows = [forecast_row(origin, store, 1) for origin in ORIGINS for store in (1, 2)]
        fill(connection, "forecasting.forecasts", rows)
        runs = [run_row(f"run-{origin}", origin) for origin in ORIGINS]
        fill(connection, "forecasting.forecast_runs", runs)
        shadows = [
            {**row, "model_version": "challenger"}
            for row in rows
            if row["forecast_origin"] >= ORIGINS[2]
        ]
        fill(connection, "forecasting.shadow_forecasts", shadows)
        promote(connection, ("promoted", "m"))
        yield connection


@pytest.fixture
def warehouse(
    filled: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Return the same warehouse, restored after the test."""
    monkeypatch.setattr(versions, "code_version", lambda: CODE)
    monkeypatch.setattr(versions, "git_commit", lambda: "abc")  # would start git as a process
    filled.execute("BEGIN")
    yield filled
    filled.execute("ROLLBACK")


def promote(connection: duckdb.DuckDBPyConnection, *decisions: tuple[str, str]) -> None:
    """Record promotions, oldest first."""
    fill(
        connection,
        "forecasting.promotions",
        [
            {
                "promotion_id": number,
                # the order of ids counts, not the clock's
                "decided_at": NOON - timedelta(days=number),
                "action": action,
                "model_version": model,
                "actor": "gate",
                "reason": "r",
                "figures": "{}",
                "is_alias_set": True,
            }
            for number, (action, model) in enumerate(decisions)
        ],
    )


@cache
def params_of(vintages: int) -> Params:
    """Return the project's parameters with another number of origins in the file."""
    params = load_params(PROJECT_DIR / "params.yaml")
    forecast = params.forecast.model_copy(update={"vintages_published": vintages})
    return params.model_copy(update={"forecast": forecast})


def draft(
    connection: duckdb.DuckDBPyConnection, vintages: int = 2, run_id: str = "weekly"
) -> Draft:
    """Draft the generation of the warehouse."""
    settings = load_settings(home=Path("nowhere"), as_of=None)
    return draft_generation(connection, settings, params_of(vintages), run_id=run_id)


def id_by_hand(**changed: Any) -> str:
    """Return the first 12 digits of the SHA-256 of the content's JSON."""
    content = {
        "data_version": DATA,
        "model_version": "m",
        "code_version": CODE,
        "runs": [["2015-06-19", "hash-2015-06-19"], ["2015-06-26", "hash-2015-06-26"]],
        "shadows": [
            ["2015-06-19", "challenger", "hash-2015-06-19"],
            ["2015-06-26", "challenger", "hash-2015-06-26"],
        ],
    }
    text = json.dumps({**content, **changed}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def test_the_id_is_the_hash_of_data_champion_code_runs_and_shadows(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    assert draft(warehouse).info.generation_id == id_by_hand()


CHANGES = {
    "other rows were landed": (
        "UPDATE raw.data_versions SET data_version = 'other'",
        {"data_version": "other"},
    ),
    "another model was promoted": (
        "UPDATE forecasting.promotions SET model_version = 'n'",
        {"model_version": "n"},
    ),
    "a published origin was forecast from other inputs": (
        "UPDATE forecasting.forecast_runs SET input_hash = 'other' WHERE run_id = 'run-2015-06-19'",
        {
            "runs": [["2015-06-19", "other"], ["2015-06-26", "hash-2015-06-26"]],
            "shadows": [
                ["2015-06-19", "challenger", "other"],
                ["2015-06-26", "challenger", "hash-2015-06-26"],
            ],
        },
    ),
    "the challenger of the newest origin was another": (
        "UPDATE forecasting.shadow_forecasts SET model_version = 'rival' "
        "WHERE forecast_origin = DATE '2015-06-26'",
        {
            "shadows": [
                ["2015-06-19", "challenger", "hash-2015-06-19"],
                ["2015-06-26", "rival", "hash-2015-06-26"],
            ]
        },
    ),
    "no challenger ran in shadow": ("DELETE FROM forecasting.shadow_forecasts", {"shadows": []}),
    "the run of shadow forecasts is not known": (
        "UPDATE forecasting.shadow_forecasts SET run_id = 'lost' "
        "WHERE forecast_origin = DATE '2015-06-19'",
        {
            "shadows": [
                ["2015-06-19", "challenger", "lost"],
                ["2015-06-26", "challenger", "hash-2015-06-26"],
            ]
        },
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_another_generation_when(warehouse: duckdb.DuckDBPyConnection, change: str) -> None:
    statement, changed = CHANGES[change]
    warehouse.execute(statement)
    assert draft(warehouse).info.generation_id == id_by_hand(**changed) != id_by_hand()


def test_it_is_another_generation_with_other_code(
    warehouse: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "code_version", lambda: "other")
    assert draft(warehouse).info.generation_id == id_by_hand(code_version="other")


def test_it_is_another_generation_with_more_vintages(warehouse: duckdb.DuckDBPyConnection) -> None:
    runs = [[str(origin), f"hash-{origin}"] for origin in ORIGINS[1:]]
    assert draft(warehouse, vintages=3).info.generation_id == id_by_hand(runs=runs)


SAME = {
    "the sales of another day": "UPDATE raw.sales SET date = '2015-07-01'",
    "the commit of the run": "UPDATE forecasting.forecast_runs SET git_commit = 'other'",
    "the time of the run": "UPDATE forecasting.forecast_runs SET finished_at = current_date",
    "an origin that is not in the file": "UPDATE forecasting.forecast_runs SET "
    "input_hash = 'other' WHERE forecast_origin < DATE '2015-06-19'",
    "a refused model": "INSERT INTO forecasting.promotions SELECT 9, decided_at, 'refused', 'n', "
    "NULL, actor, reason, figures, true FROM forecasting.promotions",
    "a run that forecast nothing": "INSERT INTO forecasting.forecast_runs SELECT * REPLACE "
    "('idle' AS run_id, 'h' AS input_hash) FROM forecasting.forecast_runs LIMIT 1",
    "what the data set is called": "UPDATE raw.data_set SET name = 'other'",
}


@pytest.mark.parametrize("change", SAME)
def test_the_id_does_not_depend_on(warehouse: duckdb.DuckDBPyConnection, change: str) -> None:
    warehouse.execute(SAME[change])
    assert draft(warehouse, run_id="another").info.generation_id == id_by_hand()


def test_generation_info_names_data_model_code_and_run(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    info = draft(warehouse, run_id="weekly-7").info
    row = {name: value for name, value in info.as_row().items() if name != "published_at"}
    assert row == {
        "generation_id": id_by_hand(),
        "forecast_origin": date(2015, 6, 26),
        "horizon_days": 42,
        "data_version": DATA,
        "model_version": "m",
        "code_version": CODE,
        "git_commit": "abc",
        "run_id": "weekly-7",
        "data_set_name": "retailer",
        "is_synthetic": False,
        "product_today": date(2015, 6, 29),  # the Monday after the newest sales
        "storage_version": "v1.2.0",
        "schema_version": newest_version(),
    }


@pytest.mark.parametrize("vintages", [1, 2, 3, 4, 5])
def test_the_newest_origins_are_published_and_the_others_archived(
    warehouse: duckdb.DuckDBPyConnection, vintages: int
) -> None:
    found = draft(warehouse, vintages)
    newest_first = sorted(ORIGINS, reverse=True)
    assert found.oldest_origin == newest_first[:vintages][-1]
    assert found.archived_origins == tuple(newest_first[vintages:])


def test_the_models_needed_are_the_champion_and_what_made_the_newest_forecasts(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    change = "UPDATE forecasting.forecasts SET model_version = '{}' WHERE {}"
    for model, rows in (
        ("older", "forecast_origin < DATE '2015-06-26'"),
        ("z", "forecast_origin = DATE '2015-06-26' AND store_id = 1"),
        ("a", "forecast_origin = DATE '2015-06-26' AND store_id = 2"),
    ):
        warehouse.execute(change.format(model, rows))
    assert draft(warehouse).model_versions == ("a", "m", "z")


def test_the_champion_is_the_model_of_the_newest_promotion_or_rollback(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    promote(warehouse, ("promoted", "a"), ("promoted", "b"), ("refused", "c"))
    assert require_champion(warehouse) == "b"
    promote(warehouse, ("promoted", "a"), ("promoted", "b"), ("rolled_back", "a"))
    assert require_champion(warehouse) == "a"
    promote(warehouse, ("refused", "a"))
    with pytest.raises(NoDataError):
        require_champion(warehouse)


def test_forecasts_of_a_lost_run_are_refused_if_they_would_be_in_the_file(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    lose = "UPDATE forecasting.forecasts SET run_id = 'lost' WHERE store_id = 2 AND "
    warehouse.execute(lose + "forecast_origin = DATE '2015-06-12'")
    assert draft(warehouse).info.generation_id == id_by_hand()
    warehouse.execute(lose + "forecast_origin = DATE '2015-06-19'")
    with pytest.raises(PublishError, match="of origin 2015-06-19 name the run lost, which is not"):
        draft(warehouse)


def test_nothing_is_drafted_without_data_or_forecasts(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    warehouse.execute("DELETE FROM forecasting.forecasts")
    with pytest.raises(NoDataError, match="there are no forecasts yet"):
        draft(warehouse)
    warehouse.execute("DELETE FROM raw.data_set")
    with pytest.raises(NoDataError, match="nothing has been landed yet"):
        draft(warehouse)
