"""Show dbt's models as assets and its tests as asset checks, in two steps: core and marts.

dagster-dbt builds the asset graph. :func:`rossmann_ml.pipeline.steps.build_models` runs dbt. There
are two reasons not to use dagster-dbt's ``DbtCliResource``. It first runs ``dbt --version``, which
takes five seconds and calls the package index. And ``rossmann publish``, which runs without
Dagster, needs a step that builds the models.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, dbt_assets

from assets.metadata import OWNERS, reported
from assets.resources import Writer, run_of
from rossmann_ml.base.errors import FaultError, RefusedError
from rossmann_ml.base.settings import Settings
from rossmann_ml.pipeline.steps import build_models
from rossmann_ml.warehouse.connection import count_rows
from rossmann_ml.warehouse.dbt import DbtNode, DbtResult, ensure_manifest

_UNIQUE_ID = "dagster_dbt/unique_id"


class Translator(DagsterDbtTranslator):
    """Chooses how dbt's models appear in Dagster: folder as group, schema and table as asset key.

    Args:
        step: Name of the step that builds the models; their assets get it as a tag.
    """

    def __init__(self, step: str) -> None:
        super().__init__()
        self._step = step

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Return schema and table as the asset's key.

        The table's name is the model's alias if it has one, else the model's name.
        """
        key = super().get_asset_key(dbt_resource_props)
        alias = dbt_resource_props.get("alias")
        return key if alias is None else dg.AssetKey([*key.path[:-1], alias])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Return the model's folder as the asset's group: ``staging``, ``core`` or ``marts``.

        Views of the forecasts are in the folder ``staging`` and in the group ``marts``, so that the
        arrows between groups go one way, from files to generation. The result is never None.
        """
        return "marts" if self._step == "marts" else str(dbt_resource_props["fqn"][1])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:  # noqa: ARG002
        """Return the team that owns every asset."""
        return OWNERS

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:
        """Return tags: ``layer`` is the model's folder, ``step`` names the step that builds it."""
        return {"layer": str(dbt_resource_props["fqn"][1]), "step": self._step}

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Return the description from the model's YAML file, without the SQL."""
        return str(dbt_resource_props["description"])


def build_dbt_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Build the assets of the dbt models, as two steps: dbt's selectors ``core`` and ``marts``.

    dbt parses the project first if one of its files has changed since the last parse.
    """
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
    """Return dbt's command and its options for a step: build all models of the step, or some.

    If only some models were picked in Dagster's UI, dbt builds and tests these. If only tests were
    picked, dbt runs these and builds nothing. dbt's option ``indirect_selection`` keeps its
    default, ``eager``, so dbt runs every test that reads a built model. With another value dbt
    would omit tests whose results Dagster expects, and Dagster would skip the steps downstream
    without a failure.

    Args:
        context: Context of the running step; it contains the picked assets and checks.
        selector: dbt selector of the step, ``core`` or ``marts``.
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
        raise RefusedError(result.failure)
    left_out = unreported(context, result)
    if left_out:
        raise FaultError(
            f"dbt did not run {', '.join(left_out)}, which this step must report; "
            "Dagster would skip the steps downstream without a failure"
        )


def unreported(context: dg.AssetExecutionContext, result: DbtResult) -> list[str]:
    """Return the names of selected models and tests for which dbt's results have no entry.

    The step fails if there are any, because Dagster would skip the steps downstream silently.
    """
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
    # in dbt's order, in which a model comes after its parents
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
