"""Publish the read-only generation that the API, the dashboard and SQL clients read."""

from collections.abc import Iterator

import dagster as dg

from assets.alerts import ALERTS
from assets.drivers import forecast_drivers
from assets.forecasts import FORECASTS, FRESH_FOR_A_WEEK
from assets.metadata import OWNERS, named_values, path_below, reported
from assets.monitoring import drift_metrics
from assets.resources import Writer, run_of
from assets.shadow import shadow_forecasts
from rossmann_ml.base.errors import HeldError
from rossmann_ml.pipeline.steps import PUBLISH
from rossmann_ml.serving.contract import load_contract

PUBLISHED = dg.AssetKey(["published", "generation"])
_CONTINUITY = "continuity"
_MARTS = [
    dg.AssetKey(table.source.split("."))
    for table in load_contract().tables
    if table.source.startswith("marts.")
]


@dg.asset(
    key=PUBLISHED,
    deps=[
        FORECASTS,
        forecast_drivers,
        shadow_forecasts,
        drift_metrics,
        ALERTS,
        *_MARTS,
    ],
    group_name="publish",
    owners=OWNERS,
    kinds={"duckdb"},
    tags={"layer": "published"},
    description=(
        "DuckDB file with the served tables, which the API, the dashboard and SQL clients read. It "
        "is audited before the pointer moves to it. The same content is published once. One file "
        "per generation."
    ),
    freshness_policy=FRESH_FOR_A_WEEK,
    check_specs=[
        dg.AssetCheckSpec(
            _CONTINUITY,
            asset=PUBLISHED,
            description="Totals differ from the vintage published before by no more than "
            "params.yaml allows (publish.continuity). Otherwise the generation is held.",
        )
    ],
)
def published_generation(
    context: dg.AssetExecutionContext, writer: Writer
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Write and audit a generation, compare it with the current one, and move the pointer.

    The comparison is of forecast totals (the chain by week, store types, states) over the days that
    both generations forecast. If a total changed by more than ``publish.continuity`` in
    ``params.yaml`` allows, the generation is held, and the check ``continuity`` and the step fail.

    Yields:
        Metadata of the generation, unless it is held; then the result of the check ``continuity``.
    """
    settings = writer.settings
    try:
        generation = PUBLISH(writer.session(context), run_of(context))
    except HeldError as error:
        yield dg.AssetCheckResult(check_name=_CONTINUITY, passed=False, description=str(error))
        raise
    info = generation.info
    yield dg.MaterializeResult(
        metadata=reported(
            f"generation {generation.generation_id} of origin {info.forecast_origin}, "
            f"{'new' if generation.is_new else 'published before, nothing changed'}",
            generation_id=generation.generation_id,
            is_new=generation.is_new,
            is_current=generation.is_current,
            path=path_below(settings, generation.path),
            megabytes=generation.path.stat().st_size / 1e6,
            forecast_origin=info.forecast_origin,
            model_version=info.model_version,
            data_version=info.data_version,
            code_version=info.code_version,
            rows=named_values({name: f"{rows:,}" for name, rows in generation.tables.items()}),
        )
    )
    largest = generation.continuity.largest if generation.continuity else None
    yield dg.AssetCheckResult(
        check_name=_CONTINUITY,
        passed=True,
        description="nothing to compare with" if largest is None else f"at most: {largest}",
    )
