"""Compute shadow forecasts: those of a challenger that is not the champion."""

import dagster as dg

from assets.features import scoring_panel
from assets.forecasts import FORECASTS
from assets.metadata import reported, stored
from assets.models import champion
from assets.resources import Writer
from rossmann_ml.forecasting.shadow import score_shadow


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
        metadata=reported(
            summary,
            report,
            **{"dagster/row_count": report.store_days},
        )
    )
