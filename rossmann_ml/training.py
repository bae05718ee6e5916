"""Training: panel, backtest, final fit, and what is recorded of them.

Each function is one step of the chain, reads and writes the warehouse, and may be run again: what
is there already for the same recipe and data is not computed twice. How a model is fitted is in
:mod:`rossmann_ml.recipe`, what MLflow is told in :mod:`rossmann_ml.tracking`, and whether a model
may serve in :mod:`rossmann_ml.promotion`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from rossmann_ml import tracking
from rossmann_ml.backtest import backtest_origins, out_of_fold, score
from rossmann_ml.errors import NoDataError
from rossmann_ml.features.panel import training_origins, training_panel
from rossmann_ml.inputs import (
    OriginInputs,
    newest_origin,
    read_inputs,
    read_store_attributes,
)
from rossmann_ml.model_records import (
    TrainingReport,
    record_model,
    rmspe_by_origin,
    stored_report,
)
from rossmann_ml.models.bundle import Bundle, BundleMetadata
from rossmann_ml.models.calibration import Calibration
from rossmann_ml.models.total_calibration import TotalCalibration
from rossmann_ml.params import Params, Profile
from rossmann_ml.progress import Progress, silent
from rossmann_ml.recipe import Recipe
from rossmann_ml.settings import Settings
from rossmann_ml.versions import code_version, data_version, versions_now
from rossmann_ml.warehouse import (
    append_frame,
    connect,
    one_row,
    read_frame,
    transaction,
    utc_now,
    writer_lock,
)

FAMILY = "lightgbm"


@dataclass(frozen=True)
class PanelReport:
    """What a panel holds.

    Attributes:
        forecast_origin: The origin it was made for.
        origins: How many origins are in it.
        rows: Its rows.
        features: Its feature columns.
        seconds: Wall time of making and storing it.
    """

    forecast_origin: date
    origins: int
    rows: int
    features: int
    seconds: float


@dataclass(frozen=True)
class BacktestReport:
    """Backtest of a recipe.

    Attributes:
        recipe_hash: The recipe.
        origins: The origins it was judged on.
        computed: Those that had to be computed now.
        scores: As :func:`rossmann_ml.backtest.score` returns them.
        seconds: Wall time.
    """

    recipe_hash: str
    origins: list[date]
    computed: list[date]
    scores: pl.DataFrame
    seconds: float

    @property
    def rmspe_by_origin(self) -> dict[str, float]:
        """RMSPE of the model over all its rows, by origin."""
        return rmspe_by_origin(self.scores, FAMILY)


def recipe_of(settings: Settings, params: Params, profile: Profile) -> Recipe:
    """The recipe that a profile stands for."""
    return Recipe(FAMILY, profile, params, settings.threads)


def panel_of(
    inputs: OriginInputs, recipe: Recipe, *, progress: Progress = silent
) -> tuple[pl.DataFrame, list[date]]:
    """Make the training panel for an origin, with the origins in it.

    Raises:
        NoDataError: There is too little history for a single training origin.
    """
    profile, params = recipe.profile_params, recipe.params
    origins = training_origins(
        inputs.forecast_origin,
        first_day=inputs.first_sales_date,
        step_days=profile.origin_step_days,
        count=profile.max_origins,
        min_history_days=params.training.min_history_days,
    )
    if not origins:
        raise NoDataError(
            f"there is too little history before {inputs.forecast_origin} to train: sales begin on "
            f"{inputs.first_sales_date}, and training.min_history_days + "
            f"training.profiles.{recipe.profile}.origin_step_days = "
            f"{params.training.min_history_days + profile.origin_step_days} days are needed"
        )
    panel = training_panel(
        inputs.features,
        origins,
        known_until=inputs.forecast_origin,
        horizon_days=params.forecast.horizon_days,
        params=params.features,
        rows_share=profile.rows_share,
        progress=progress,
    )
    return panel, origins


def build_training_panel(
    settings: Settings, params: Params, *, profile: Profile, progress: Progress = silent
) -> PanelReport:
    """Fill ``features.training_panel`` for the newest origin."""
    started = time.perf_counter()
    recipe = recipe_of(settings, params, profile)
    with writer_lock(settings), connect(settings) as connection:
        inputs = read_inputs(connection, params, forecast_origin=newest_origin(connection))
        panel, origins = panel_of(inputs, recipe, progress=progress)
        with transaction(connection):
            connection.execute(
                "CREATE OR REPLACE TABLE features.training_panel AS SELECT * FROM panel"
            )
            connection.execute(
                "INSERT OR REPLACE INTO features.panel_builds VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    "training_panel",
                    inputs.forecast_origin,
                    profile,
                    data_version(connection),
                    code_version(settings.home),
                    len(panel),
                    utc_now(),
                ],
            )
    return PanelReport(
        inputs.forecast_origin,
        len(origins),
        len(panel),
        len(recipe.features),
        time.perf_counter() - started,
    )


def _read_training_panel(connection: duckdb.DuckDBPyConnection, recipe: Recipe) -> pl.DataFrame:
    build = one_row(
        connection, "SELECT profile FROM features.panel_builds WHERE panel = 'training_panel'"
    )
    if build is None or build[0] != recipe.profile:
        raise NoDataError(
            f"features.training_panel is not built for the profile {recipe.profile}: "
            "materialize it first"
        )
    # DuckDB keeps the order of insertion: the same panel gives the same model to the last bit
    return read_frame(connection, "SELECT * FROM features.training_panel")


def run_backtest(
    settings: Settings, params: Params, *, profile: Profile, progress: Progress = silent
) -> BacktestReport:
    """Fill ``forecasting.out_of_fold`` with what is missing of a recipe's backtest."""
    started = time.perf_counter()
    recipe = recipe_of(settings, params, profile)
    with writer_lock(settings), connect(settings) as connection:
        version = data_version(connection)
        inputs = read_inputs(connection, params, forecast_origin=newest_origin(connection))
        panel = _read_training_panel(connection, recipe)
        oldest = panel["forecast_origin"][0]
        origins = backtest_origins(
            inputs.forecast_origin,
            back_days=params.backtest.origins_back_days,
            first_training=oldest,
        )
        have = {origin for (origin,) in connection.execute(
            "SELECT DISTINCT forecast_origin FROM forecasting.out_of_fold "
            "WHERE recipe_hash = ? AND data_version = ?",
            [recipe.hash, version],
        ).fetchall()}  # fmt: skip
        missing = [origin for origin in origins if origin not in have]
        for origin in missing:
            rows = out_of_fold(panel, inputs.features, [origin], recipe, progress=progress)
            keyed = rows.select(
                pl.lit(recipe.hash).alias("recipe_hash"),
                pl.lit(version).alias("data_version"),
                pl.all(),
            )
            append_frame(connection, "forecasting.out_of_fold", keyed)
        scores = score(_read_out_of_fold(connection, recipe, version, origins), family=FAMILY)
    return BacktestReport(recipe.hash, origins, missing, scores, time.perf_counter() - started)


def _read_out_of_fold(
    connection: duckdb.DuckDBPyConnection, recipe: Recipe, version: str, origins: list[date]
) -> pl.DataFrame:
    rows = read_frame(
        connection,
        """
        SELECT * EXCLUDE (recipe_hash, data_version)
        FROM forecasting.out_of_fold
        WHERE recipe_hash = ? AND data_version = ? AND list_contains(?, forecast_origin)
        ORDER BY forecast_origin, store_id, target_date
        """,
        [recipe.hash, version, origins],
    )
    if rows.is_empty():
        raise NoDataError("there is no backtest of this recipe on this data: run it first")
    return rows


def train_challenger(
    settings: Settings, params: Params, *, profile: Profile, progress: Progress = silent
) -> TrainingReport:
    """Fit the recipe on all rows up to the newest origin, record it and register it.

    The model is stored as a bundle below ``warehouse/models``, logged and registered in MLflow
    and entered in ``forecasting.model_versions``, with its scores and importances.
    """
    recipe = recipe_of(settings, params, profile)
    with writer_lock(settings), connect(settings) as connection:
        versions = versions_now(connection, settings)
        origin = newest_origin(connection)
        panel = _read_training_panel(connection, recipe)
        origins = backtest_origins(
            origin,
            back_days=params.backtest.origins_back_days,
            first_training=panel["forecast_origin"][0],
        )
        folds = _read_out_of_fold(connection, recipe, versions.data, origins)
        progress(f"final fit of {recipe.family} on {len(panel):,} rows up to {origin}")
        started = time.perf_counter()
        stores = read_store_attributes(connection)
        bundle = fit_bundle(recipe, panel, folds, origin, stores).save(settings.models_path)
        seconds = time.perf_counter() - started
        scores = score(folds, family=recipe.family)
        there = stored_report(connection, bundle, seconds)
        if there is not None:
            return there
        by_origin = rmspe_by_origin(scores, recipe.family)
        figures = pl.Series(list(by_origin.values())).to_numpy()
        progress("recording the model in MLflow")
        logged = tracking.log_training(
            settings,
            bundle=bundle,
            recipe=recipe,
            panel=panel,
            scores=scores,
            rmspe_by_origin=by_origin,
            training_seconds=seconds,
            tags={**versions.as_tags(), "forecast_origin": str(origin)},
        )
        report = TrainingReport(
            model_version=bundle.model_version,
            registry_version=logged.registry_version,
            mlflow_run_id=logged.run_id,
            training_rows=len(panel),
            rmspe_mean=float(figures.mean()),
            rmspe_spread=float(figures.std()),
            seconds=seconds,
            is_new=True,
            importance=bundle.model.importance(),
        )
        with transaction(connection):
            record_model(
                connection,
                recipe=recipe,
                report=report,
                trained_through=origin,
                versions=versions,
                scores=scores,
            )
    return report


def fit_bundle(
    recipe: Recipe,
    panel: pl.DataFrame,
    folds: pl.DataFrame,
    known_until: date,
    stores: pl.DataFrame,
) -> Bundle:
    """Fit a recipe on the rows up to a day, with calibration from out-of-fold forecasts.

    Args:
        recipe: What to fit.
        panel: Training rows.
        folds: Out-of-fold forecasts of earlier origins.
        known_until: Rows whose target day is later are left out.
        stores: ``store_id, store_type, assortment, state``, the segments of totals.
    """
    features = recipe.params.features
    metadata = BundleMetadata(
        family=recipe.family,
        trained_through=str(known_until),
        features=recipe.features,
        feature_params=features.model_dump(),
        profile=recipe.profile,
        horizon_days=recipe.params.forecast.horizon_days,
    )
    model = recipe.fit(panel, known_until=known_until)
    calibration = Calibration.fit(folds)
    served = folds.with_columns(forecast=(pl.col("log_forecast") + calibration.log_shift).exp())
    totals = TotalCalibration.fit(served, stores, horizon_days=metadata.horizon_days)
    return Bundle(model, calibration, metadata, total_calibration=totals)
