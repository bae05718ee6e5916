"""Compute shadow forecasts, which a challenger makes for comparison and which are not served."""

import dagster as dg

from assets.features import scoring_panel
from assets.forecasts import FORECASTS
from assets.metadata import OWNERS, reported, table_metadata
from assets.models import champion
from assets.resources import Writer, run_of
from rossmann_ml.pipeline.steps import SHADOW


@dg.asset(
    key=["forecasting", "shadow_forecasts"],
    deps=[scoring_panel, champion, FORECASTS],
    group_name="forecast",
    owners=OWNERS,
    kinds={"polars", "duckdb"},
    tags={"layer": "forecast"},
    description=(
        "Forecasts by the newest challenger that was not promoted, from the panel that the "
        "champion scored: for comparison, never served. One row per origin, store, target date "
        "and model."
    ),
    metadata=table_metadata("forecasting.shadow_forecasts"),
)
def shadow_forecasts(context: dg.AssetExecutionContext, writer: Writer) -> dg.MaterializeResult:
    """Forecast from the newest origin with the newest challenger, on the champion's panel.

    Shadow forecasts that are stored for the champion's run of this origin are reused. See
    :func:`rossmann_ml.forecasting.shadow.score_shadow` for the cases without shadow forecasts.
    """
    report = SHADOW(writer.session(context), run_of(context))
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
            **{"dagster/row_count": report.store_days},
            forecast_origin=report.forecast_origin,
            model_version=report.model_version,
            difference_share=report.difference_share,
            is_new=report.is_new,
            seconds=report.seconds,
        )
    )
