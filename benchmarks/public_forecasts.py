"""Train the product at a cutoff of a public benchmark, and forecast the days or weeks after it.

Entry points: :func:`read_files` and :func:`trained_at`, then :func:`day_quantiles`,
:func:`unbiased_days` or :func:`week_quantiles`. Tasks and scores are in :mod:`benchmarks.public`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from benchmarks.public_scores import LEVELS, WEEK_DAYS
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import load_settings
from rossmann_ml.evaluation.backtest import LEAST_TARGET_DAYS
from rossmann_ml.evaluation.folds import complete_folds
from rossmann_ml.features.grid import FloatArray
from rossmann_ml.features.inputs import OriginInputs, read_newest_inputs
from rossmann_ml.features.panel import scoring_panel
from rossmann_ml.features.panels import panel_of
from rossmann_ml.ingest import land_raw
from rossmann_ml.models.bundle import Bundle
from rossmann_ml.models.error_scale import interval_spread
from rossmann_ml.models.recipe import Recipe
from rossmann_ml.models.totals import STORE, add_up
from rossmann_ml.pipeline.steps import BUILD_CORE, Run
from rossmann_ml.training.fit import make_bundle
from rossmann_ml.warehouse.schema import create_tables
from rossmann_ml.warehouse.session import Session


@dataclass(frozen=True)
class Trained:
    """Model that was trained on what was known at a cutoff, and the panel of the days after it.

    Attributes:
        bundle: The model with its calibrations.
        panel: Rows to forecast, sorted by store and day.
        stores: ``store_id, store_type, assortment, state``, one row per store, in its order.
        days: Number of days after the cutoff.
    """

    bundle: Bundle
    panel: pl.DataFrame
    stores: pl.DataFrame
    days: int


def read_files(folder: Path, raw: Path, progress: Callable[[str], None]) -> OriginInputs:
    """Land the retailer's files in a warehouse of their own, and read the inputs of features.

    Args:
        folder: Empty folder for the warehouse, the state and the incoming files.
        raw: Folder of ``train.csv``, ``store.csv`` and ``test.csv``.
        progress: Function that receives a line for each file.

    Returns:
        Stores, all sales, and the plan of all days.
    """
    settings = load_settings(
        raw_dir=raw,
        incoming_dir=folder / "incoming",
        warehouse_dir=folder / "warehouse",
        state_dir=folder / "state",
    )
    session = Session(settings, progress=progress)
    land_raw(session)
    progress("dbt builds the core tables")
    BUILD_CORE(session, Run("benchmark", "benchmark"))
    with session.writing() as connection:
        return read_newest_inputs(connection, session.params)


def known_at(inputs: OriginInputs, cutoff: date) -> OriginInputs:
    """Return the inputs without the sales after a cutoff; the plan of all days is known."""
    sales = inputs.features.sales.until(cutoff)
    return replace(inputs, forecast_origin=cutoff, features=replace(inputs.features, sales=sales))


def with_horizon(params: Params, horizon_days: int, *, history_days: int) -> Params:
    """Return parameters for another horizon and, if history is short, for earlier training origins.

    Args:
        params: Parameters of the product.
        horizon_days: Number of days to forecast.
        history_days: Number of days with sales up to the cutoff. If too few to backtest, training
            origins begin after less history than ``training.min_history_days``.
    """
    values = params.model_dump()
    values["forecast"]["horizon_days"] = horizon_days
    longer = Params.model_validate(values)
    steps = [size.origin_step_days for size in params.training.profiles.values()]
    nearest = max(longer.backtest_back_days(profile)[0] for profile in params.training.profiles)
    left = history_days - (nearest + LEAST_TARGET_DAYS + max(steps))
    values["training"]["min_history_days"] = min(params.training.min_history_days, max(left, 1))
    return Params.model_validate(values)


def trained_at(
    inputs: OriginInputs,
    cutoff: date,
    horizon_days: int,
    recipe: Recipe,
    *,
    progress: Callable[[str], None],
) -> Trained:
    """Train as the product does on what was known at a cutoff.

    Args:
        inputs: Stores, all sales, and the plan of all days.
        cutoff: Last day whose sales are known.
        horizon_days: Number of days to forecast.
        recipe: Recipe of the product; its horizon is replaced.
        progress: Function that receives a line for each fit.

    Raises:
        NoDataError: There is too little history before the cutoff.
    """
    known = known_at(inputs, cutoff)
    history_days = (cutoff - inputs.first_sales_date).days + 1
    params = with_horizon(recipe.params, horizon_days, history_days=history_days)
    recipe = replace(recipe, params=params)
    panel = cache(lambda: panel_of(known, params, recipe.profile)[0])
    with duckdb.connect() as connection:
        create_tables(connection)
        folds = complete_folds(connection, known, recipe, panel, progress=progress)
    progress(f"final fit as of {cutoff} on {len(panel()):,} rows")
    blend = recipe.fit_all(panel(), known_until=cutoff)
    stores = known.features.stores.attributes
    to_score = scoring_panel(
        known.features, forecast_origin=cutoff, horizon_days=horizon_days, params=params.features
    )
    bundle = make_bundle(recipe, blend, folds, cutoff, stores)
    return Trained(bundle, to_score, stores, horizon_days)


def day_quantiles(trained: Trained) -> FloatArray:
    """Return quantiles of sales at :data:`LEVELS` in EUR, shape (stores, days, levels)."""
    quantiles = trained.bundle.quantiles(trained.panel, LEVELS.tolist())
    names = [name for name in quantiles.columns if name.startswith("q")]
    shape = (len(trained.stores), trained.days, len(names))
    return quantiles.select(names).to_numpy().reshape(shape)


def unbiased_days(trained: Trained) -> FloatArray:
    """Return forecasts in EUR whose sums are unbiased, shape (stores, days)."""
    point = trained.bundle.forecast(trained.panel)["sales_forecast"].to_numpy()
    factor = np.exp(trained.bundle.total_calibration.log_bias)
    return np.asarray(point.reshape(len(trained.stores), trained.days) * factor)


def week_quantiles(trained: Trained) -> FloatArray:
    """Return quantiles of the stores' calendar weeks after a cutoff on a Sunday.

    Returns:
        Quantiles at :data:`LEVELS` in EUR, shape (stores, weeks, levels); 0 in weeks in which a
        store is closed.
    """
    rows = trained.bundle.forecast(trained.panel).select(
        "forecast_origin", "store_id", "target_date", "horizon_days", "is_open",
        forecast="sales_forecast", spread=pl.Series(interval_spread(trained.panel)),
    )  # fmt: skip
    opened = rows.filter(pl.col("is_open") & (pl.col("forecast") > 0))
    weeks = add_up(opened, trained.stores, horizon_days=trained.days).filter(
        pl.col("level") == STORE,
        pl.col("last_date") - pl.col("first_date") == pl.duration(days=WEEK_DAYS - 1),
    )
    factors = np.exp(trained.bundle.total_calibration.log_quantiles(weeks, LEVELS.tolist()))
    store_ids = trained.stores["store_id"].to_list()
    found = np.zeros((len(store_ids), trained.days // WEEK_DAYS, len(LEVELS)))
    row = {store_id: number for number, store_id in enumerate(store_ids)}
    store = [row[int(segment)] for segment in weeks["segment"]]
    ahead = (weeks["first_date"] - weeks["forecast_origin"]).dt.total_days().to_numpy()
    found[store, (ahead - 1) // WEEK_DAYS] = weeks["forecast"].to_numpy()[:, None] * factors
    return found


def actuals_after(inputs: OriginInputs, cutoff: date, days: int) -> tuple[FloatArray, FloatArray]:
    """Return the sales up to a cutoff and on the days after it, both in EUR, NaN where unknown."""
    sales = inputs.features.sales
    first = (cutoff - sales.first_date).days + 1
    return sales.sales[:, :first], sales.sales[:, first : first + days]
