"""Forecast from the newest origin with the champion, and backfill forecasts from past origins.

A backfill does not use the champion: it trains a model on the data known at the past origin.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import dagster as dg

from assets.features import CORE, scoring_panel
from assets.metadata import OWNERS, described_tables, reported, table_metadata
from assets.models import champion
from assets.resources import Training, Writer, run_of
from rossmann_ml.forecasting.score import ForecastReport
from rossmann_ml.pipeline import steps
from rossmann_ml.pipeline.backfill import BACKFILL_ORIGIN, possible_origins
from rossmann_ml.warehouse.session import Session

FORECAST_ORIGINS = dg.DynamicPartitionsDefinition(name="forecast_origin")
"""Past origins from which forecasts can be backfilled, as partitions; each refresh updates them."""

FORECASTS = dg.AssetKey(["forecasting", "forecasts"])
FRESH_FOR_A_WEEK = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(days=8), warn_window=timedelta(days=7, hours=12)
)

_DESCRIBED = described_tables("forecasting")
_TABLES = {
    name: _DESCRIBED[name]
    for name in (
        *("forecasts", "forecast_history", "forecast_runs", "total_intervals", "mean_departures"),
        "error_quantiles",
        *("stores_not_forecast", "unseen_categories"),
    )
}


@dg.multi_asset(
    name="forecasts",
    specs=[
        dg.AssetSpec(
            ["forecasting", name],
            deps=[scoring_panel, champion],
            description=description,
            group_name="forecast",
            owners=OWNERS,
            kinds={"duckdb", "polars"},
            tags={"layer": "forecast"},
            metadata=table_metadata(f"forecasting.{name}"),
            freshness_policy=FRESH_FOR_A_WEEK if name == "forecasts" else None,
        )
        for name, description in _TABLES.items()
    ],
)
def forecasts(context: dg.AssetExecutionContext, writer: Writer) -> Iterator[dg.MaterializeResult]:
    """Forecast with the champion; if no input has changed, keep the forecasts that exist."""
    report = steps.FORECAST(writer.session(context), run_of(context))
    list_origins(context.instance, writer.session(context))
    for name in _TABLES:
        yield dg.MaterializeResult(
            asset_key=["forecasting", name],
            metadata=_reported(report) if name == "forecasts" else {"run_id": report.run_id},
        )


@dg.asset(
    key=["forecasting", "backfilled_forecasts"],
    deps=CORE,
    partitions_def=FORECAST_ORIGINS,
    group_name="forecast",
    owners=OWNERS,
    kinds={"duckdb", "polars"},
    tags={"layer": "forecast"},
    description=(
        "Forecasts that a past origin would have had: from data known by the Monday after it, with "
        "model, bias factor and intervals fitted on target dates up to it. A partition is an "
        "origin; its rows are in forecasting.forecasts. The job publish_forecasts, or the next "
        "refresh, publishes them. One row per origin, store and target date."
    ),
    metadata=table_metadata("forecasting.forecasts"),
)
def backfilled_forecasts(
    context: dg.AssetExecutionContext, writer: Writer, training: Training
) -> dg.MaterializeResult:
    """Backfill the origin in the partition key: train on data known then, store the forecasts."""
    run = run_of(context, training.profile)
    origin = date.fromisoformat(context.partition_key)
    report = BACKFILL_ORIGIN(writer.session(context), replace(run, forecast_origin=origin))
    return dg.MaterializeResult(metadata=_reported(report))


def list_origins(instance: dg.DagsterInstance, session: Session) -> list[str]:
    """Add a Dagster partition for each past origin that can be backfilled, and delete all others.

    See :func:`rossmann_ml.pipeline.backfill.possible_origins` for the rule: one origin per week,
    with enough sales before it.

    Returns:
        The origins that can be backfilled, as ISO dates, newest first.
    """
    with session.reading() as connection:
        possible = [str(origin) for origin in possible_origins(connection, session.params)]
    name = str(FORECAST_ORIGINS.name)
    for key in set(instance.get_dynamic_partitions(name)) - set(possible):
        instance.delete_dynamic_partition(name, key)
    instance.add_dynamic_partitions(name, possible)
    return possible


def _reported(report: ForecastReport) -> dict[str, Any]:
    return reported(
        f"{report.store_days:,} store-days of {report.stores:,} stores from "
        f"{report.forecast_origin} by {report.model_version}, "
        f"{'new' if report.is_new else 'unchanged'}",
        **{"dagster/row_count": report.store_days},
        forecast_origin=report.forecast_origin,
        model_version=report.model_version,
        stores=report.stores,
        stores_not_forecast=report.stores_not_forecast,
        assumed_store_days=report.assumed_store_days,
        total_sales_unbiased=report.total_sales_unbiased,
        run_id=report.run_id,
        is_new=report.is_new,
        seconds=report.seconds,
    )
