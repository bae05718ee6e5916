"""dbt's models as assets and its tests as asset checks, in two steps: core and marts.

dagster-dbt gives the graph. dbt is run by :func:`rossmann_ml.pipeline.steps.build_models`, because
dagster-dbt's own runner first prints dbt's version, which asks the package index, and loads dbt
into this process too: together seconds a run.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, dbt_assets

from assets.metadata import OWNERS, reported
from assets.resources import Writer, run_of
from rossmann_ml.base.errors import DbtError
from rossmann_ml.base.settings import Settings
from rossmann_ml.pipeline.steps import build_models
from rossmann_ml.warehouse.connection import count_rows
from rossmann_ml.warehouse.dbt import DbtNode, DbtResult, ensure_manifest

_UNIQUE_ID = "dagster_dbt/unique_id"


class Translator(DagsterDbtTranslator):
    """Names of dbt's world in Dagster's: groups are the folders, keys are schema and table.

    Args:
        step: Name of the step that builds the models, which is a tag of theirs.
    """

    def __init__(self, step: str) -> None:
        super().__init__()
        self._step = step

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Name schema and table; a model whose table has another name goes by that of the table."""
        key = super().get_asset_key(dbt_resource_props)
        alias = dbt_resource_props.get("alias")
        return key if alias is None else dg.AssetKey([*key.path[:-1], alias])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Name the folder: staging, core or marts."""
        return str(dbt_resource_props["fqn"][1])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:  # noqa: ARG002
        """Name who answers for it."""
        return OWNERS

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:
        """Name the layer and the step."""
        return {"layer": str(dbt_resource_props["fqn"][1]), "step": self._step}

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Give the description that stands beside the model, without its SQL."""
        return str(dbt_resource_props["description"])


def build_dbt_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The assets of dbt's two selectors, from a manifest that is parsed anew where need be."""
    manifest = ensure_manifest(settings)

    @dbt_assets(
        manifest=manifest,
        selector="core",
        name="core",
        dagster_dbt_translator=Translator("core"),
    )
    def core(context: dg.AssetExecutionContext, writer: Writer) -> Iterator[Any]:
        yield from _build(context, writer, "core")

    @dbt_assets(
        manifest=manifest,
        selector="marts",
        name="marts",
        dagster_dbt_translator=Translator("marts"),
    )
    def marts(context: dg.AssetExecutionContext, writer: Writer) -> Iterator[Any]:
        yield from _build(context, writer, "marts")

    return [core, marts]


def build_command(context: dg.AssetExecutionContext, selector: str) -> list[str]:
    """What dbt is told: to build the selector, or the models and tests that a person picked.

    Tests follow from the models by dbt's default, eager selection. Any other would leave tests
    out that Dagster waits for, and Dagster then skips what is downstream without a failure.
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
    result = build_models(session, run_of(context), build_command(context, selector))
    tables = {key: ".".join(key.path) for key in context.selected_asset_keys}
    with session.writing() as connection:
        rows = count_rows(connection, tables.values())
    yield from _events(context, result, {key: rows[table] for key, table in tables.items()})
    if result.failure:
        raise DbtError(result.failure)
    left_out = unreported(context, result)
    if left_out:
        raise DbtError(
            f"dbt did not run {', '.join(left_out)}, which this step promises; "
            "what is downstream of it would be skipped without a failure"
        )


def unreported(context: dg.AssetExecutionContext, result: DbtResult) -> list[str]:
    """Names of models and tests that were to run and that dbt says nothing of."""
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
    models = {spec.metadata[_UNIQUE_ID]: spec for spec in context.assets_def.specs}
    checks = {
        spec.metadata[_UNIQUE_ID]: spec
        for spec in context.assets_def.check_specs
        if spec.key in context.selected_asset_check_keys
    }
    tests = [node for node in result.nodes if node.unique_id.startswith("test.")]
    passed = sum(node.status == "pass" for node in tests)
    # in dbt's order, in which a model comes after those that it is made of
    for node in result.nodes:
        if node.unique_id in models and node.status == "success":
            key = models[node.unique_id].key
            yield dg.MaterializeResult(
                asset_key=key,
                metadata=reported(
                    f"{len(rows)} models built, {passed} of {len(tests)} tests passed",
                    **{"dagster/row_count": rows[key]},
                    seconds=node.seconds,
                ),
            )
        elif node.unique_id in checks and node.status != "skipped":
            yield _check_result(checks[node.unique_id], node)


def _check_result(check: dg.AssetCheckSpec, node: DbtNode) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.WARN if node.status == "warn" else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(
        asset_key=check.asset_key,
        check_name=check.name,
        passed=node.status == "pass",
        severity=severity,
        description=node.message or None,
        metadata={"failing_rows": node.failures or 0, "seconds": node.seconds},
    )
