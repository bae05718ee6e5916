"""The dbt project on a landed sample: models, versions, refusals and documentation."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.built_core import NEWEST_ORIGIN, PAST_KNOWN_BY, PAST_ORIGIN, BuiltWarehouse

from rossmann_ml.base.errors import BusyError, RefusedError
from rossmann_ml.serving.contract import load_contract
from rossmann_ml.warehouse.dbt import (
    DbtResult,
    dbt_environment,
    dbt_variables,
    ensure_manifest,
    run_dbt,
    start_dbt,
)
from rossmann_ml.warehouse.session import Session

pytestmark = pytest.mark.integration


def manifest_of(built: BuiltWarehouse) -> dict[str, dict[str, dict[str, object]]]:
    loaded: dict[str, dict[str, dict[str, object]]] = json.loads(
        built.marts_run.manifest_path.read_text(encoding="utf-8")
    )
    return loaded


def names_of(result: DbtResult) -> set[str]:
    """Return the names of the models and tests that ran, without exposures."""
    return {
        node.unique_id.split(".")[2]
        for node in result.nodes
        if not node.unique_id.startswith("exposure.")
    }


def statuses_of(result: DbtResult) -> set[str]:
    return {n.status for n in result.nodes if not n.unique_id.startswith("exposure.")}


def test_core_and_marts_pass_all_their_tests_on_the_sample(built: BuiltWarehouse) -> None:
    assert statuses_of(built.core_run) == {"success", "pass"}
    assert statuses_of(built.marts_run) == {"success", "pass"}


def test_the_two_selectors_share_out_every_model_and_data_test(built: BuiltWarehouse) -> None:
    core, marts = names_of(built.core_run), names_of(built.marts_run)
    everything = {
        node["name"]
        for node in manifest_of(built)["nodes"].values()
        if node["resource_type"] in {"model", "test"}
    }
    assert not core & marts
    assert core | marts == everything


def test_a_test_that_joins_core_with_the_marts_is_the_marts(built: BuiltWarehouse) -> None:
    joins = {"daily_sales_has_the_calendars_days", "forecasts_follow_the_plan"}
    assert joins <= names_of(built.marts_run)


def test_schemas_have_exactly_the_names_of_the_layers(built: BuiltWarehouse) -> None:
    models = {
        (node["schema"], node["alias"])
        for node in manifest_of(built)["nodes"].values()
        if node["resource_type"] == "model"
    }
    made = set(built.rows("SELECT table_schema, table_name FROM information_schema.tables"))
    assert {schema for schema, _ in models} == {"staging", "core", "marts"}
    assert models <= made


def test_marts_have_the_columns_that_readers_are_promised(built: BuiltWarehouse) -> None:
    for table in load_contract().tables:
        if not table.source.startswith("marts."):
            continue
        found = dict(built.rows(f"SELECT column_name, column_type FROM (DESCRIBE {table.source})"))
        promised = {column.name: column.type for column in table.columns}
        assert promised.items() <= found.items(), table.name


def test_the_marts_build_before_anything_was_forecast(
    warehouse_of_this_test: BuiltWarehouse,
) -> None:
    built = warehouse_of_this_test
    built.execute("DELETE FROM forecasting.forecasts", "DELETE FROM forecasting.forecast_drivers")
    result = built.run("build", "--selector", "marts")
    assert statuses_of(result) == {"success", "pass"}
    assert built.rows("SELECT count(*) FROM marts.forecast_totals") == [(0,)]
    assert built.rows("SELECT bool_or(is_forecast) FROM marts.stores") == [(False,)]


def test_accuracy_judges_the_days_that_came_true_and_waits_for_the_others(
    built: BuiltWarehouse,
) -> None:
    overall = built.rows(
        "SELECT forecast_origin, days, last_target_date FROM marts.forecast_accuracy "
        "WHERE segment_kind = 'overall'"
    )
    # four of the six weeks of the past origin are over, nothing of the newest one
    assert overall == [(PAST_ORIGIN, 28, NEWEST_ORIGIN)]


def test_building_another_origin_leaves_the_ones_before_alone(built: BuiltWarehouse) -> None:
    origins = built.rows(
        "SELECT forecast_origin, known_by, count(DISTINCT plan_date) FROM core.horizon_plan "
        "GROUP BY ALL ORDER BY ALL"
    )
    assert origins == [
        (PAST_ORIGIN, PAST_KNOWN_BY, 63),
        (NEWEST_ORIGIN, date(9999, 12, 31), 63),
    ]


def test_a_past_origin_reads_its_plan_from_the_sales(built: BuiltWarehouse) -> None:
    sources = built.rows(
        "SELECT DISTINCT plan_source, plan_date <= DATE '2015-06-19' FROM core.horizon_plan "
        f"WHERE forecast_origin = DATE '{PAST_ORIGIN}' AND horizon_days <= 42"
    )
    # after the newest sales, a plan landed later still precedes the rules
    assert set(sources) == {("actual", True), ("planned", False)}


def test_building_an_origin_twice_replaces_its_rows(warehouse_of_this_test: BuiltWarehouse) -> None:
    built = warehouse_of_this_test
    query = (
        "SELECT store_id, plan_date, is_open, is_promo, state_holiday, is_school_holiday, "
        "plan_source FROM core.horizon_plan "
        f"WHERE forecast_origin = DATE '{PAST_ORIGIN}' ORDER BY ALL"
    )
    before = built.rows(query)
    plan_before = built.rows("SELECT * FROM core.store_plan ORDER BY ALL")
    past = dbt_variables(built.params, PAST_ORIGIN, PAST_KNOWN_BY)
    built.run("run", "--selector", "core", variables=past)
    assert built.rows(query) == before
    # the plan that features read stays that of the newest origin
    assert built.rows("SELECT * FROM core.store_plan ORDER BY ALL") == plan_before


def test_a_full_refresh_keeps_the_plans_of_past_origins(
    warehouse_of_this_test: BuiltWarehouse,
) -> None:
    built = warehouse_of_this_test
    built.run("run", "--full-refresh", "--select", "horizon_plan")
    assert built.rows("SELECT count(DISTINCT forecast_origin) FROM core.horizon_plan") == [(2,)]


def test_a_null_where_none_may_be_stops_the_model_and_keeps_the_table(
    warehouse_of_this_test: BuiltWarehouse,
) -> None:
    built = warehouse_of_this_test
    before = built.rows("SELECT count(*) FROM core.sales_versions")
    built.execute(
        "ALTER TABLE raw.sales ALTER COLUMN known_on DROP NOT NULL",
        "UPDATE raw.sales SET known_on = NULL WHERE store = 1 AND date = DATE '2015-06-01'",
    )
    with pytest.raises(RefusedError) as refusal:
        built.run("build", "--selector", "core")
    message = str(refusal.value)
    assert "model sales_versions" in message
    assert "NOT NULL constraint failed" in message
    assert "known_on" in message
    assert built.rows("SELECT count(*) FROM core.sales_versions") == before


def test_a_failing_test_is_named_and_stops_what_is_built_on_it(
    warehouse_of_this_test: BuiltWarehouse,
) -> None:
    built = warehouse_of_this_test
    built.execute("INSERT INTO raw.sales SELECT * FROM raw.sales LIMIT 1")
    with pytest.raises(RefusedError) as refusal:
        built.run("build", "--selector", "core")
    message = str(refusal.value)
    assert "test stg_sales_key_is_unique: Got 1 result" in message
    assert "skipped" in message
    assert built.outcomes()["sales_versions"] == "skipped"


def test_a_database_that_is_open_elsewhere_is_refused_as_locked(built: BuiltWarehouse) -> None:
    with (
        duckdb.connect(str(built.settings.database_path)),
        pytest.raises(BusyError, match="another process has it open"),
    ):
        built.run("run", "--select", "stg_sales")


def run_plainly(
    built: BuiltWarehouse, *command: str, today: date | None = None
) -> list[dict[str, Any]]:
    """Run dbt with its unit tests, as on a terminal, and return its results."""
    settings = built.settings.model_copy(update={"as_of": today})
    environment = {**os.environ, **dbt_environment(settings)}
    del environment["DBT_EXCLUDE_RESOURCE_TYPES"]
    variables = json.dumps(dbt_variables(built.params))
    start_dbt(
        [*command, "--vars", variables],
        environment=environment,
        folder=settings.dbt_project_path,
    )
    name = "sources.json" if command[0] == "source" else "run_results.json"
    path = Path(environment["DBT_TARGET_PATH"]) / name
    results: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["results"]
    return results


def test_dbts_own_unit_tests_pass(built: BuiltWarehouse) -> None:
    results = run_plainly(built, "test", "--select", "test_type:unit")
    assert {result["status"] for result in results} == {"pass"}
    assert {result["unique_id"] for result in results} == set(manifest_of(built)["unit_tests"])


@pytest.mark.parametrize(
    ("today", "status"), [(date(2015, 6, 29), "warn"), (date(2015, 7, 13), "error")]
)
def test_sales_age_on_the_products_clock(built: BuiltWarehouse, today: date, status: str) -> None:
    command = ("source", "freshness", "--select", "source:raw.sales")
    (result,) = run_plainly(built, *command, today=today)
    assert (result["status"], result["snapshotted_at"][:10]) == (status, str(today))


def test_a_historical_data_set_is_as_old_as_on_the_monday_after_it(built: BuiltWarehouse) -> None:
    results = run_plainly(built, "source", "freshness")
    assert {result["status"] for result in results} == {"pass"}
    assert {result["snapshotted_at"][:10] for result in results} == {"2015-06-22"}


def test_the_docs_describe_every_column_and_end_each_model_with_its_grain(
    built: BuiltWarehouse,
) -> None:
    built.run("docs", "generate")
    target = Path(dbt_environment(built.settings)["DBT_TARGET_PATH"])
    catalog = json.loads((target / "catalog.json").read_text(encoding="utf-8"))
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    assert (target / "index.html").exists()
    models = {
        unique_id: node
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
    }
    assert set(models) == set(catalog["nodes"])
    for unique_id, model in models.items():
        last_sentence = model["description"].rstrip(".").split(". ")[-1]
        assert last_sentence.startswith("One row"), unique_id
        described = {name for name, column in model["columns"].items() if column["description"]}
        assert described == set(catalog["nodes"][unique_id]["columns"]), unique_id


def test_api_and_dashboard_are_exposed_with_what_they_read(built: BuiltWarehouse) -> None:
    manifest = manifest_of(built)
    exposed = {node["name"]: node["depends_on"] for node in manifest["exposures"].values()}
    assert set(exposed) == {"forecast_api", "forecast_dashboard"}
    read = {unique_id for node in exposed.values() for unique_id in node["nodes"]}  # type: ignore[index]
    marts = {
        unique_id: node
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and node["schema"] == "marts"
    }
    # the API reads these through other marts
    steps = {name for node in marts.values() for name in node["depends_on"]["nodes"]}
    assert set(marts) - steps <= read


def test_the_manifest_is_parsed_again_only_after_a_change(built: BuiltWarehouse) -> None:
    manifest = ensure_manifest(built.settings)
    first = manifest.stat().st_mtime_ns
    assert ensure_manifest(built.settings) == manifest
    assert manifest.stat().st_mtime_ns == first
    # as if every file of the project were newer
    os.utime(manifest, (0, 0))
    ensure_manifest(built.settings)
    assert manifest.stat().st_mtime_ns > first


@pytest.mark.parametrize("name", ["manifest.json", "partial_parse.msgpack"])
def test_a_half_written_manifest_of_a_killed_dbt_is_rebuilt(
    built: BuiltWarehouse, name: str
) -> None:
    manifest = ensure_manifest(built.settings)
    whole = json.loads(manifest.read_bytes())["nodes"].keys()
    half = manifest.with_name(name)
    half.write_bytes(half.read_bytes()[:1000])
    os.utime(half)
    assert json.loads(ensure_manifest(built.settings).read_bytes())["nodes"].keys() == whole
    done = run_dbt(Session(built.settings, built.params), ["ls", "--resource-type", "model"])
    assert done.failure == ""
