"""The asset graph in Dagster's UI is complete, and dbt's commands fit it."""

from __future__ import annotations

import json
import os
from graphlib import TopologicalSorter
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from support.code_location import graph_text

from assets.dbt import build_command, unreported
from rossmann_ml.base.settings import load_settings
from rossmann_ml.warehouse.dbt import DbtNode, DbtResult, dbt_environment, ensure_manifest

SNAPSHOT = Path(__file__).with_name("assets_graph.txt")
WITHOUT_A_TABLE = {dg.AssetKey(["published", "generation"])}


def assets_of(location: dg.Definitions) -> list[dg.AssetsDefinition]:
    return [each for each in location.assets or [] if isinstance(each, dg.AssetsDefinition)]


def specs_of(location: dg.Definitions) -> list[dg.AssetSpec]:
    return [spec for definition in assets_of(location) for spec in definition.specs]


def dbt_step(location: dg.Definitions, name: str) -> dg.AssetsDefinition:
    return next(each for each in assets_of(location) if each.node_def.name == name)


def manifest_of(location: dg.Definitions) -> dict[str, dict]:
    settings = load_settings(**location.resources["pipeline"].values)
    return json.loads(ensure_manifest(settings).read_text(encoding="utf-8"))["nodes"]


def test_the_graph_is_the_one_that_was_agreed_on(location: dg.Definitions):
    """To update the snapshot: UPDATE_SNAPSHOTS=1 pytest -k the_graph_is_the_one"""
    found = graph_text(location)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(found, encoding="utf-8")
    assert found == SNAPSHOT.read_text(encoding="utf-8")


def test_every_asset_describes_a_row_and_has_an_owner(location: dg.Definitions):
    for spec in specs_of(location):
        name = spec.key.to_user_string()
        assert spec.owners == ["team:forecasting"], name
        assert spec.group_name not in (None, "default"), name
        assert spec.kinds, name
        assert spec.tags.get("layer"), name
        says = (spec.description or "").rstrip()
        assert "One " in says, f"{name} does not say what a row is: {says}"


def test_every_table_asset_names_its_table(location: dg.Definitions):
    for spec in specs_of(location):
        if spec.key not in WITHOUT_A_TABLE:
            table = spec.metadata["dagster/table_name"]
            assert "." in str(getattr(table, "value", table)), spec.key


def test_arrows_between_groups_go_one_way_in_the_order_of_the_data(location: dg.Definitions):
    graph = location.resolve_asset_graph()
    before: dict[str, set[str]] = {}
    for key in graph.get_all_asset_keys():
        assert key in graph.materializable_asset_keys, f"no asset makes {key.to_user_string()}"
        group = graph.get(key).group_name
        parents = {graph.get(parent).group_name for parent in graph.get(key).parent_keys}
        before.setdefault(group, set()).update(parents - {group})
    assert list(TopologicalSorter(before).static_order()) == [
        *("ingest", "staging", "core", "features", "model", "forecast"),
        *("marts", "monitoring", "publish"),
    ]


def test_an_asset_shows_the_columns_of_its_table_with_types_and_meanings(location: dg.Definitions):
    shown = {spec.key: spec.metadata.get("dagster/column_schema") for spec in specs_of(location)}
    # a panel has a column for each feature, known when it is built; a generation is several tables
    without = {key.to_user_string() for key, schema in shown.items() if schema is None}
    assert without == {
        *("features/scoring_panel", "features/training_panel", "published/generation")
    }
    forecasts = shown[dg.AssetKey(["forecasting", "forecasts"])]
    (lower,) = (each for each in forecasts.columns if each.name == "lower_80")
    assert (lower.type, lower.constraints.nullable) == ("DOUBLE", False)
    assert lower.description.startswith("Lower end of the 80% interval")
    assert lower.description.endswith("(EUR)")


def test_every_dbt_model_is_built_by_one_of_the_two_steps(location: dg.Definitions):
    models = {key for key in manifest_of(location) if key.startswith("model.")}
    built = [
        spec.metadata["dagster_dbt/unique_id"]
        for name in ("core", "marts")
        for spec in dbt_step(location, name).specs
    ]
    assert sorted(built) == sorted(models)


def test_every_dbt_test_is_an_asset_check_and_blocks(location: dg.Definitions):
    tests = {key: node for key, node in manifest_of(location).items() if key.startswith("test.")}
    checks = {
        spec.metadata["dagster_dbt/unique_id"]: spec
        for name in ("core", "marts")
        for spec in dbt_step(location, name).check_specs
    }
    assert sorted(checks) == sorted(tests)
    for key, node in tests.items():
        assert checks[key].blocking == (node["config"]["severity"].lower() == "error"), key


def test_dbt_always_selects_tests_eagerly(location: dg.Definitions):
    """Dagster would wait for checks that dbt left out, and skip the steps downstream in silence."""
    settings = load_settings(**location.resources["pipeline"].values)
    assert dbt_environment(settings)["DBT_INDIRECT_SELECTION"] == "eager"
    project = (settings.dbt_project_path / "dbt_project.yml").read_text(encoding="utf-8")
    selectors = (settings.dbt_project_path / "selectors.yml").read_text(encoding="utf-8")
    assert "indirect_selection" not in project + selectors
    core = dbt_step(location, "core")
    assert build_command(SimpleNamespace(assets_def=core), "core") == [  # type: ignore[arg-type]
        *("build", "--selector", "core")
    ]


def test_a_test_that_dbt_left_out_is_noticed(location: dg.Definitions):
    core = dbt_step(location, "core")
    context = SimpleNamespace(
        assets_def=core,
        selected_asset_keys=core.keys,
        selected_asset_check_keys={check.key for check in core.check_specs},
    )
    promised = [*core.specs, *core.check_specs]
    nodes = tuple(
        DbtNode(str(spec.metadata["dagster_dbt/unique_id"]), "pass", "", None, 0.1)
        for spec in promised
    )
    whole = DbtResult(Path(), nodes)
    assert unreported(context, whole) == []  # type: ignore[arg-type]
    without_last = DbtResult(Path(), nodes[:-1])
    last = nodes[-1].unique_id.split(".")[2]
    assert unreported(context, without_last) == [last]  # type: ignore[arg-type]


def test_a_model_picked_in_the_ui_is_built_alone_with_its_tests(location: dg.Definitions):
    core = dbt_step(location, "core")
    picked = {dg.AssetKey(["core", "dim_store"])}
    subset = core.subset_for(picked, None)
    context = SimpleNamespace(assets_def=subset, selected_asset_keys=picked)
    command = build_command(context, "core")  # type: ignore[arg-type]
    assert command == ["build", "--select", "dim_store"]


def test_a_check_picked_in_the_ui_is_run_alone(location: dg.Definitions):
    core = dbt_step(location, "core")
    check = next(each.key for each in core.check_specs if each.name == "dim_store_key_is_unique")
    subset = core.subset_for(set(), {check})
    context = SimpleNamespace(
        assets_def=subset, selected_asset_keys=set(), selected_asset_check_keys={check}
    )
    command = build_command(context, "core")  # type: ignore[arg-type]
    assert command == ["test", "--select", "dim_store_key_is_unique"]


@pytest.mark.parametrize(
    ("check", "downstream"),
    [
        ("raw_sales_expectations", "core"),
        ("raw_stores_expectations", "core"),
        ("plan_expectations", "features__scoring_panel"),
        ("features_expectations", "forecasts"),
        ("forecasts_expectations", "marts"),
    ],
)
def test_expectations_block_the_next_step_of_the_weekly_job(
    location: dg.Definitions, check: str, downstream: str
):
    job = location.resolve_job_def("weekly_refresh")
    step = next(
        node.name
        for node in job.graph.nodes
        if any(output.name.endswith(check) for output in node.definition.output_defs)
        and node.name.endswith("_expectations")
    )
    needed = {
        each.node
        for invocation, inputs in job.graph.dependencies.items()
        if invocation.name == downstream
        for dependency in inputs.values()
        for each in dependency.get_node_dependencies()
    }
    assert step in needed
