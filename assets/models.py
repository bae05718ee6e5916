"""Backtest a recipe, train the challenger, and decide whether it becomes the champion."""

from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import dagster as dg

from assets.features import training_panel
from assets.metadata import (
    OWNERS,
    described_tables,
    importance_picture,
    mlflow_run,
    named_values,
    path_below,
    reported,
    scores_picture,
    scores_table,
    table_metadata,
)
from assets.resources import Training, Writer, run_of
from rossmann_ml.base.errors import TrackingError
from rossmann_ml.evaluation.baselines import MEDIAN, SEASONAL_NAIVE
from rossmann_ml.models.blend import BLEND
from rossmann_ml.pipeline import steps
from rossmann_ml.training.model_records import rmspe_by_origin

_MODEL_VERSIONS = dg.AssetKey(["forecasting", "model_versions"])
_BACKTEST_SCORES = dg.AssetKey(["forecasting", "backtest_scores"])
_ATTEMPTS, _SECONDS_BETWEEN = 3, 20


@contextmanager
def _retried() -> Iterator[None]:
    """Let Dagster retry the step if a request to MLflow fails inside the ``with`` block.

    Other errors are not retried, because a second attempt would fail in the same way.
    """
    try:
        yield
    except TrackingError as error:
        retries = _ATTEMPTS - 1
        raise dg.RetryRequested(max_retries=retries, seconds_to_wait=_SECONDS_BETWEEN) from error


@dg.asset(
    key=["forecasting", "out_of_fold"],
    deps=[training_panel],
    group_name="model",
    owners=OWNERS,
    kinds={"duckdb", "python"},
    tags={"layer": "model"},
    description=(
        "Forecasts of past origins by models trained only on data from before, next to the "
        "reference models. Weights, bias factor, intervals, scores and the gate use them. One row "
        "per member's recipe, data version, origin, store and target date."
    ),
    metadata=table_metadata("forecasting.out_of_fold_forecasts"),
)
def out_of_fold(
    context: dg.AssetExecutionContext, writer: Writer, training: Training
) -> dg.MaterializeResult:
    """Backtest the recipe at the past origins that ``params.yaml`` defines.

    Stored forecasts by the same recipe from the same data are reused. See
    :func:`rossmann_ml.evaluation.folds.complete_folds` for the origins that are computed.
    """
    report = steps.BACKTEST(writer.session(context), run_of(context, training.profile))
    # a single broken store-day can hold more squared percentage error than a whole origin
    middle = {
        model: median(rmspe_by_origin(report.scores, model).values())
        for model in (BLEND, SEASONAL_NAIVE, MEDIAN)
    }
    return dg.MaterializeResult(
        metadata=reported(
            f"RMSPE {middle[BLEND]:.4f}, the median of {len(report.origins)} origins "
            f"(seasonal naive {middle[SEASONAL_NAIVE]:.4f}, median {middle[MEDIAN]:.4f})",
            rmspe=middle[BLEND],
            rmspe_seasonal_naive=middle[SEASONAL_NAIVE],
            rmspe_store_weekday_promo_median=middle[MEDIAN],
            origins=", ".join(map(str, report.origins)),
            origins_computed=len(report.computed),
            recipe=report.recipe_hash,
            scores=scores_table(report.scores),
            picture=scores_picture(report.scores),
            seconds=report.seconds,
        )
    )


@dg.multi_asset(
    name=steps.TRAIN.name,
    specs=[
        dg.AssetSpec(
            key,
            deps=[out_of_fold, training_panel],
            group_name="model",
            owners=OWNERS,
            kinds={"mlflow", "duckdb"},
            tags={"layer": "model"},
            description=description,
            metadata=table_metadata(".".join(key.path)),
        )
        for key, description in (
            (
                _MODEL_VERSIONS,
                "The challenger: the members fitted on all rows up to the newest origin, blended "
                "and calibrated on the backtest, logged and registered in MLflow. One row per "
                "trained model.",
            ),
            (_BACKTEST_SCORES, described_tables("forecasting")["backtest_scores"]),
        )
    ],
)
def challenger(
    context: dg.AssetExecutionContext, writer: Writer, training: Training
) -> Iterator[dg.MaterializeResult]:
    """Fit the challenger, blend and calibrate it on the backtest, and register it in MLflow."""
    settings = writer.settings
    with _retried():
        report = steps.TRAIN(writer.session(context), run_of(context, training.profile))
        run = mlflow_run(settings, report.mlflow_run_id)
    summary = (
        f"{report.model_version}, {report.training_rows:,} rows, "
        f"{'new' if report.is_new else 'trained before'}"
    )
    yield dg.MaterializeResult(
        asset_key=_MODEL_VERSIONS,
        metadata=reported(
            summary,
            model_version=report.model_version,
            registry_version=report.registry_version,
            mlflow_run_id=run,
            bundle=path_below(settings, settings.models_path / report.model_version),
            rmspe_median=report.rmspe_median,
            rmspe_mean=report.rmspe_mean,
            rmspe_spread=report.rmspe_spread,
            weights=named_values(report.weights),
            training_rows=report.training_rows,
            importance=importance_picture(report.importance),
            seconds=report.seconds,
            is_new=report.is_new,
        ),
    )
    yield dg.MaterializeResult(
        asset_key=_BACKTEST_SCORES,
        metadata=reported(summary, model_version=report.model_version, mlflow_run_id=run),
    )


@dg.asset(
    key=["forecasting", "promotions"],
    deps=[_MODEL_VERSIONS],
    group_name="model",
    owners=OWNERS,
    kinds={"mlflow", "duckdb"},
    tags={"layer": "model"},
    description=(
        "Decisions of the gate: champion, time, reason and actor. The newest row names the "
        "champion; MLflow's alias follows it. One row per decision."
    ),
    metadata=table_metadata("forecasting.promotions"),
)
def champion(context: dg.AssetExecutionContext, writer: Writer) -> dg.MaterializeResult:
    """Promote the newest registered model to champion if the gate's rules allow that.

    Nothing changes if it is the champion already. See :func:`rossmann_ml.training.gate.promote`
    for the rules.
    """
    with _retried():
        decision = steps.GATE(writer.session(context), run_of(context))
    return dg.MaterializeResult(
        metadata=reported(
            f"{'promoted' if decision.is_promoted else 'refused'}: {decision.reason}",
            model_version=decision.model_version,
            is_promoted=decision.is_promoted,
            reason=decision.reason,
            previous=decision.previous,
            figures=named_values(decision.figures) if decision.figures else None,
        )
    )
