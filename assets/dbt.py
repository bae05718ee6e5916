"""Show dbt's models as assets and its tests as asset checks, in two steps: core and marts.

dagster-dbt builds the graph. :func:`rossmann_ml.pipeline.dbt_models.build_models` runs dbt, because
dagster-dbt's `DbtCliResource` first runs ``dbt --version``, which takes five seconds and calls the
package index, and because commands without Dagster need the same step.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, dbt_assets

from assets.metadata import OWNERS, reported
from assets.resources import Writer
from rossmann_ml.base.errors import FaultError, RefusedError
from rossmann_ml.base.settings import Settings
from rossmann_ml.pipeline.dbt_models import build_models
from rossmann_ml.warehouse.connection import count_rows
from rossmann_ml.warehouse.dbt import DbtResult, ensure_manifest

_UNIQUE_ID = "dagster_dbt/unique_id"


class Translator(DagsterDbtTranslator):
    """Translate dbt's names to Dagster's: folders are groups, schema and table are the key.

    Args:
        step: Name of the step that builds the models; the models get it as a tag.
    """

    def __init__(self, step: str) -> None:
        super().__init__()
        self._step = step

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Return schema and table; the table's name may differ from the model's."""
        key = super().get_asset_key(dbt_resource_props)
        alias = dbt_resource_props.get("alias")
        return key if alias is None else dg.AssetKey([*key.path[:-1], alias])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Return the model's folder: staging, core or marts."""
        return str(dbt_resource_props["fqn"][1])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:  # noqa: ARG002
        """Return the team that owns every asset."""
        return OWNERS

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the tags for layer and step."""
        return {"layer": str(dbt_resource_props["fqn"][1]), "step": self._step}

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Return the description from the model's YAML file, without the SQL."""
        return str(dbt_resource_props["description"])


def build_dbt_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Build the assets of dbt's two selectors; parse the project again if a file changed."""
    manifest = ensure_manifest(settings)

    def assets_of(selector: str) -> dg.AssetsDefinition:
        @dbt_assets(
            manifest=manifest,
            selector=selector,
            name=selector,
            dagster_dbt_translator=Translator(selector),
        )
        def build(context: dg.AssetExecutionContext, writer: Writer) -> Iterator[Any]:
            yield from _build(context, writer, selector)

        return build

    return [assets_of("core"), assets_of("marts")]


def build_command(context: dg.AssetExecutionContext, selector: str) -> list[str]:
    """Return the dbt command for the selector, or for models and tests picked in the UI.

    dbt adds the tests of the models by its default, eager selection. Any other selection would
    leave out tests that Dagster waits for, and Dagster would skip the steps downstream without a
    failure.
    """
    assets = context.assets_def
    if assets.keys == set(assets.node_keys_by_output_name.values()):
        return ["build", "--selector", selector]
    picked = [spec for spec in assets.specs if spec.key in context.selected_asset_keys]
    if picked:
        return ["build", "--select", *map(_name, picked)]
    checks = context.selected_asset_check_keys
    return ["test", "--select", *(_name(spec) for spec in assets.check_specs if spec.key in checks)]


def _name(spec: dg.AssetSpec | dg.AssetCheckSpec) -> str:
    # model.<project>.<name>; test.<project>.<name>.<hash>
    return str(spec.metadata[_UNIQUE_ID]).split(".")[2]


def _build(context: dg.AssetExecutionContext, writer: Writer, selector: str) -> Iterator[Any]:
    session = writer.session(context)
    command = build_command(context, selector)
    result = build_models(session, command, run_id=context.run.run_id)
    tables = {key: ".".join(key.path) for key in context.selected_asset_keys}
    with session.writing() as connection:
        rows = count_rows(connection, tables.values())
    yield from _events(context, result, {key: rows[table] for key, table in tables.items()})
    if result.failure:
        raise RefusedError(result.failure)
    left_out = unreported(context, result)
    if left_out:
        raise FaultError(
            f"dbt did not run {', '.join(left_out)}, which this step must report; "
            "Dagster would skip the steps downstream without a failure"
        )


def unreported(context: dg.AssetExecutionContext, result: DbtResult) -> list[str]:
    """Return the names of selected models and tests that are missing from dbt's results."""
    assets = context.assets_def
    wanted = [
        *(spec for spec in assets.specs if spec.key in context.selected_asset_keys),
        *(spec for spec in assets.check_specs if spec.key in context.selected_asset_check_keys),
    ]
    reported_nodes = {node.unique_id for node in result.nodes}
    return [_name(spec) for spec in wanted if spec.metadata[_UNIQUE_ID] not in reported_nodes]


def _events(
    context: dg.AssetExecutionContext, result: DbtResult, rows: Mapping[dg.AssetKey, int | None]
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    assets, selected = context.assets_def, context.selected_asset_check_keys
    models = {spec.metadata[_UNIQUE_ID]: spec.key for spec in assets.specs}
    checks = {spec.metadata[_UNIQUE_ID]: spec.key for spec in assets.check_specs}
    tests = [node for node in result.nodes if node.unique_id.startswith("test.")]
    passed = sum(node.status == "pass" for node in tests)
    # in dbt's order, in which a model comes after its parents
    for node in result.nodes:
        if node.unique_id in models and node.status == "success":
            key = models[node.unique_id]
            yield dg.MaterializeResult(
                asset_key=key,
                metadata=reported(
                    f"{len(rows)} models built, {passed} of {len(tests)} tests passed",
                    **{"dagster/row_count": rows[key]},
                    seconds=node.seconds,
                ),
            )
        elif checks.get(node.unique_id) in selected and node.status != "skipped":
            check = checks[node.unique_id]
            is_warning = node.status == "warn"
            yield dg.AssetCheckResult(
                asset_key=check.asset_key,
                check_name=check.name,
                passed=node.status == "pass",
                severity=dg.AssetCheckSeverity.WARN if is_warning else dg.AssetCheckSeverity.ERROR,
                description=node.message or None,
                metadata={"failing_rows": node.failures or 0, "seconds": node.seconds},
            )
