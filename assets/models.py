"""Backtest a recipe, train the challenger, and let the gate choose the champion."""

from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import dagster as dg

from assets.features import training_panel
from assets.metadata import named_values, path_below, picture, reported, scores_table, stored
from assets.resources import Training, Writer
from rossmann_ml.base.errors import TrackingError
from rossmann_ml.base.plots import plot_importance, plot_scores
from rossmann_ml.models.baselines import MEDIAN, SEASONAL_NAIVE
from rossmann_ml.models.blend import BLEND
from rossmann_ml.pipeline.retraining import pass_gate
from rossmann_ml.training.fit import run_backtest, train_challenger
from rossmann_ml.training.model_records import rmspe_by_origin

_ATTEMPTS, _SECONDS_BETWEEN = 3, 20


@contextmanager
def _retried() -> Iterator[None]:
    """Retry a step when MLflow does not answer; any other error would only repeat."""
    try:
        yield
    except TrackingError as error:
        retries = _ATTEMPTS - 1
        raise dg.RetryRequested(max_retries=retries, seconds_to_wait=_SECONDS_BETWEEN) from error


@dg.asset(
    **stored(
        "forecasting.out_of_fold",
        "model",
        {"duckdb", "python"},
        table="forecasting.out_of_fold_forecasts",
    ),
    deps=[training_panel],
    description=(
        "Forecasts of past origins by models trained only on data from before, next to the "
        "reference models. Weights, bias factor, intervals, scores and the gate use them. One row "
        "per member's recipe, data version, origin, store and target date."
    ),
)
def out_of_fold(
    context: dg.AssetExecutionContext, writer: Writer, training: Training
) -> dg.MaterializeResult:
    """Backtest the recipe on the origins of params.yaml; keep folds that exist already."""
    report = run_backtest(writer.session(context), profile=training.profile)
    # a single broken store-day can hold more squared percentage error than a whole origin
    middle = {
        model: median(rmspe_by_origin(report.scores, model).values())
        for model in (BLEND, SEASONAL_NAIVE, MEDIAN)
    }
    return dg.MaterializeResult(
        metadata=reported(
            f"RMSPE {middle[BLEND]:.4f}, the median of {len(report.origins)} origins "
            f"(seasonal naive {middle[SEASONAL_NAIVE]:.4f}, median {middle[MEDIAN]:.4f})",
            report,
            rmspe=middle[BLEND],
            rmspe_seasonal_naive=middle[SEASONAL_NAIVE],
            rmspe_store_weekday_promo_median=middle[MEDIAN],
            origins=", ".join(map(str, report.origins)),
            origins_computed=len(report.computed),
            scores=scores_table(report.scores),
            picture=picture(plot_scores, report.scores, "RMSPE by origin and horizon week"),
        )
    )


@dg.asset(
    **stored("forecasting.model_versions", "model", {"mlflow", "duckdb"}),
    deps=[out_of_fold, training_panel],
    description=(
        "The challenger: the members fitted on all rows up to the newest origin, blended and "
        "calibrated on the backtest, logged and registered in MLflow. One row per trained model."
    ),
)
def challenger(
    context: dg.AssetExecutionContext, writer: Writer, training: Training
) -> dg.MaterializeResult:
    """Fit the challenger, calibrate it, log it to MLflow and register it."""
    settings = writer.settings
    with _retried():
        report = train_challenger(writer.session(context), profile=training.profile)
    return dg.MaterializeResult(
        metadata=reported(
            f"{report.model_version}, {report.training_rows:,} rows, "
            f"{'new' if report.is_new else 'trained before'}",
            report,
            bundle=path_below(settings, settings.models_path / report.model_version),
            weights=named_values(report.weights),
            importance=picture(plot_importance, report.importance, "Feature importance"),
        )
    )


@dg.asset(
    **stored("forecasting.promotions", "model", {"mlflow", "duckdb"}),
    deps=[challenger],
    description=(
        "Decisions of the gate: champion, time, reason and actor. The newest row names the "
        "champion; MLflow's alias follows it. One row per decision."
    ),
)
def champion(context: dg.AssetExecutionContext, writer: Writer) -> dg.MaterializeResult:
    """Compare the newest model with the champion, and promote it if it passes the gate."""
    with _retried():
        actor = f"dagster {context.run.job_name}"
        decision = pass_gate(writer.session(context), actor=actor)
    return dg.MaterializeResult(
        metadata=reported(
            f"{'promoted' if decision.is_promoted else 'refused'}: {decision.reason}",
            decision,
            figures=named_values(decision.figures) if decision.figures else None,
        )
    )
