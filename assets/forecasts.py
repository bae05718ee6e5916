"""Forecast the newest origin, explain it and score its shadow; forecast past origins."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import dagster as dg

from assets.features import CORE, scoring_panel
from assets.metadata import named_values, reported, stored
from assets.models import champion
from assets.resources import Training, Writer
from rossmann_ml.forecasting.drivers.record import explain_newest_origin
from rossmann_ml.forecasting.score import ForecastReport, score_newest_origin
from rossmann_ml.forecasting.shadow import score_shadow
from rossmann_ml.pipeline.backfill import backfill_origin, possible_origins
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables.described import described_tables

FORECAST_ORIGINS = dg.DynamicPartitionsDefinition(name="forecast_origin")
"""Past origins that can be backfilled; every refresh updates the list."""

FORECASTS = dg.AssetKey(["forecasting", "forecasts"])
FRESH_FOR_A_WEEK = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(days=8), warn_window=timedelta(days=7, hours=12)
)

_DESCRIBED = described_tables("forecasting")
_TABLES = {
    name: _DESCRIBED[name]
    for name in (
        *("forecasts", "forecast_history", "forecast_runs", "total_intervals"),
        *("stores_not_forecast", "unseen_categories"),
    )
}


@dg.multi_asset(
    name="forecasts",
    specs=[
        dg.AssetSpec(
            **stored(f"forecasting.{name}", "forecast", {"duckdb", "polars"}),
            deps=[scoring_panel, champion],
            description=description,
            freshness_policy=FRESH_FOR_A_WEEK if name == "forecasts" else None,
        )
        for name, description in _TABLES.items()
    ],
)
def forecasts(context: dg.AssetExecutionContext, writer: Writer) -> Iterator[dg.MaterializeResult]:
    """Score the panel with the champion; unchanged inputs are not scored again."""
    session = writer.session(context)
    report = score_newest_origin(session, run_id=context.run.run_id)
    list_origins(context.instance, session)
    for name in _TABLES:
        yield dg.MaterializeResult(
            asset_key=["forecasting", name],
            metadata=_reported(report) if name == "forecasts" else {"run_id": report.run_id},
        )


@dg.asset(
    **stored("forecasting.forecast_drivers", "forecast", {"polars", "duckdb"}),
    deps=[scoring_panel, FORECASTS, *CORE],
    description=(
        "Contribution of weekday, promotion, holidays, season, trend and competition to each "
        "forecast of an open day, compared with the store's typical day. The parts add up to the "
        "forecast. One row per origin, store and target date."
    ),
)
def forecast_drivers(context: dg.AssetExecutionContext, writer: Writer) -> dg.MaterializeResult:
    """Explain the newest forecasts; the same forecasts are not explained twice."""
    report = explain_newest_origin(writer.session(context))
    largest = max(report.mean_absolute_log, key=report.mean_absolute_log.__getitem__)
    return dg.MaterializeResult(
        metadata=reported(
            f"{report.store_days:,} open store-days explained, largest driver {largest}, "
            f"{'new' if report.is_new else 'unchanged'}",
            report,
            **{"dagster/row_count": report.store_days},
            mean_absolute_log=named_values(report.mean_absolute_log),
        )
    )


@dg.asset(
    **stored("forecasting.shadow_forecasts", "forecast", {"polars", "duckdb"}),
    deps=[scoring_panel, champion, FORECASTS],
    description=(
        "Forecasts by the newest challenger that was not promoted, from the panel that the "
        "champion scored: for comparison, never served. One row per origin, store, target date "
        "and model."
    ),
)
def shadow_forecasts(context: dg.AssetExecutionContext, writer: Writer) -> dg.MaterializeResult:
    """Score the champion's panel with the challenger, if there is one; each panel only once."""
    report = score_shadow(writer.session(context))
    summary = (
        f"none: {report.reason}"
        if report.model_version is None
        else f"{report.store_days:,} store-days by {report.model_version}, "
        f"{report.difference_share:+.1%} compared with the champion, "
        f"{'new' if report.is_new else 'unchanged'}"
    )
    return dg.MaterializeResult(
        metadata=reported(summary, report, **{"dagster/row_count": report.store_days})
    )


@dg.asset(
    **stored(
        "forecasting.backfilled_forecasts",
        "forecast",
        {"duckdb", "polars"},
        table="forecasting.forecasts",
    ),
    deps=CORE,
    partitions_def=FORECAST_ORIGINS,
    description=(
        "Forecasts that a past origin would have had: from data known by the Monday after it, with "
        "model, bias factor and intervals fitted on target dates up to it. A partition is an "
        "origin; its rows are in forecasting.forecasts. The job publish_forecasts, or the next "
        "refresh, publishes them. One row per origin, store and target date."
    ),
)
def backfilled_forecasts(
    context: dg.AssetExecutionContext, writer: Writer, training: Training
) -> dg.MaterializeResult:
    """Train as of the origin and store its forecasts."""
    report = backfill_origin(
        writer.session(context),
        forecast_origin=date.fromisoformat(context.partition_key),
        run_id=context.run.run_id,
        profile=training.profile,
    )
    return dg.MaterializeResult(metadata=_reported(report))


def list_origins(instance: dg.DagsterInstance, session: Session) -> list[str]:
    """Set the partitions to the origins that can be backfilled now; return them, newest first."""
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
        report,
        **{"dagster/row_count": report.store_days},
    )
