"""Build the scoring panel of an origin, forecast it with a bundle, and store forecasts and run.

:func:`build_scoring_panel` and :func:`score_newest_origin` are steps of the weekly job. See
:mod:`rossmann_ml.pipeline.backfill` for past origins.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from rossmann_ml.base.digests import fingerprint
from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import Params
from rossmann_ml.features.inputs import OriginInputs, newest_origin, read_newest_inputs
from rossmann_ml.features.panel import scoring_panel
from rossmann_ml.features.panels import SCORING_PANEL, PanelReport, read_scoring_panel, store_panel
from rossmann_ml.models.bundle import Bundle
from rossmann_ml.warehouse.clock import product_today
from rossmann_ml.warehouse.connection import (
    append_frame,
    one_row,
    read_frame,
    transaction,
    utc_now,
)
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables import core, forecasting
from rossmann_ml.warehouse.tables.models import require_champion
from rossmann_ml.warehouse.versions import Versions

WEEKLY, BACKFILL = "weekly", "backfill"


@dataclass(frozen=True)
class ForecastReport:
    """Result of forecasting an origin.

    Attributes:
        run_id: Run whose forecasts are in force; an earlier run if the inputs are unchanged.
        forecast_origin: Last day whose sales were used.
        model_version: Model of the forecasts.
        stores: Number of stores with a forecast.
        store_days: Number of forecasts.
        assumed_store_days: Number of forecasts whose plan was filled by rule.
        stores_not_forecast: Number of stores without forecast, with reasons in
            ``forecasting.stores_not_forecast``.
        total_sales_forecast: Sum of the forecasts in EUR.
        is_new: Whether forecasts were stored; False if the same inputs were scored before.
        seconds: Wall time in seconds.
    """

    run_id: str
    forecast_origin: date
    model_version: str
    stores: int
    store_days: int
    assumed_store_days: int
    stores_not_forecast: int
    total_sales_forecast: float
    is_new: bool
    seconds: float


def panel_to_score(inputs: OriginInputs, params: Params) -> pl.DataFrame:
    """Build the scoring panel of the stores that get a forecast, with ``plan_source``."""
    panel = scoring_panel(
        inputs.features,
        forecast_origin=inputs.forecast_origin,
        horizon_days=params.forecast.horizon_days,
        params=params.features,
    )
    # the inner join leaves out stores without a plan
    return panel.join(
        inputs.horizon_plan.with_columns(pl.col("store_id").cast(pl.Int32)),
        on=["store_id", "target_date"],
        how="inner",
        maintain_order="left",
    )


def build_scoring_panel(session: Session) -> PanelReport:
    """Fill ``features.scoring_panel`` for the newest origin."""
    started = time.perf_counter()
    with session.writing() as connection:
        inputs = read_newest_inputs(connection, session.params)
        origin = inputs.forecast_origin
        session.progress(f"features of origin {origin}")
        panel = panel_to_score(inputs, session.params)
        return store_panel(session, SCORING_PANEL, panel, origin, started)


def score_newest_origin(session: Session, *, run_id: str) -> ForecastReport:
    """Score ``features.scoring_panel`` with the champion and store the forecasts.

    If model, data, plan and code equal those of the run in force, that run stays in force.

    Raises:
        NoDataError: The panel is missing or of another origin, or no model is promoted yet.
    """
    settings = session.settings
    with session.writing() as connection:
        origin = newest_origin(connection)
        panel = read_scoring_panel(connection, origin)
        bundle = Bundle.load(
            settings.models_path, require_champion(connection), threads=settings.threads
        )
        session.progress(f"forecasts from {origin} by {bundle.model_version}")
        return store_forecasts(
            connection,
            panel=panel,
            bundle=bundle,
            run_id=run_id,
            run_kind=WEEKLY,
            known_by=product_today(connection, settings),
            versions=session.versions(connection),
        )


def store_forecasts(
    connection: duckdb.DuckDBPyConnection,
    *,
    panel: pl.DataFrame,
    bundle: Bundle,
    run_id: str,
    run_kind: str,
    known_by: date,
    versions: Versions,
) -> ForecastReport:
    """Score a panel with a bundle, and store forecasts and run in one transaction.

    Forecasts of an earlier run for the origin move to ``forecasting.forecast_history``, and their
    drivers are deleted. If the inputs equal those of the run in force, that run is returned.

    Args:
        connection: Pipeline database.
        panel: Panel of :func:`panel_to_score`.
        bundle: Model of the forecasts.
        run_id: Identifier of the new run.
        run_kind: ``weekly`` or ``backfill``.
        known_by: Last day on which a row of the inputs may have become known.
        versions: Versions of data and code.
    """
    started, started_at = time.perf_counter(), utc_now()
    origin: date = panel["forecast_origin"][0]
    input_hash = fingerprint([str(origin), bundle.model_version, versions.data, versions.code])
    in_force = one_row(
        connection,
        "SELECT run_id, input_hash FROM forecasting.forecast_runs WHERE forecast_origin = ? "
        "ORDER BY started_at DESC, run_id LIMIT 1",
        [origin],
    )
    if in_force is not None and in_force[1] == input_hash:
        return _report(connection, str(in_force[0]), started, is_new=False)

    forecasts = bundle.forecast(panel)
    intervals = bundle.total_intervals(panel, forecasts, core.stores(connection))
    rows = forecasts.with_columns(
        model_version=pl.lit(bundle.model_version),
        run_id=pl.lit(run_id),
        plan_source=panel["plan_source"],
    )
    unseen = bundle.model.categories.unseen(panel).with_columns(forecast_origin=pl.lit(origin))
    with transaction(connection):
        connection.execute(
            """
            INSERT INTO forecasting.forecast_history BY NAME
            SELECT *, ? AS replaced_at FROM forecasting.forecasts WHERE forecast_origin = ?
            """,
            [utc_now(), origin],
        )
        # the drivers of the replaced forecasts do not explain the new ones
        connection.execute(
            "DELETE FROM forecasting.forecast_drivers WHERE forecast_origin = ?", [origin]
        )
        _replace(connection, "forecasts", origin, rows)
        _replace(
            connection, "total_intervals", origin, intervals.with_columns(run_id=pl.lit(run_id))
        )
        _replace(connection, "unseen_categories", origin, unseen)
        not_forecast = _stores_not_forecast(connection, origin)
        _replace(connection, "stores_not_forecast", origin, not_forecast)
        run = {
            "run_id": run_id,
            "run_kind": run_kind,
            "forecast_origin": origin,
            "known_by": known_by,
            "model_version": bundle.model_version,
            "data_version": versions.data,
            "code_version": versions.code,
            "input_hash": input_hash,
            "git_commit": versions.commit,
            "stores": rows["store_id"].n_unique(),
            "store_days": len(rows),
            "assumed_store_days": int((rows["plan_source"] == "assumed").sum()),
            "stores_not_forecast": len(not_forecast),
            "total_sales_forecast": float(rows["sales_forecast"].sum()),
            "started_at": started_at,
            "finished_at": utc_now(),
        }
        append_frame(connection, "forecasting.forecast_runs", pl.DataFrame([run]))
    return _report(connection, run_id, started, is_new=True)


def run_in_force(connection: duckdb.DuckDBPyConnection, origin: date) -> tuple[str, str]:
    """Return the run whose forecasts of an origin are in force, and its model version.

    Raises:
        NoDataError: The origin has no forecasts.
    """
    row = one_row(
        connection,
        "SELECT run_id, model_version FROM forecasting.forecasts WHERE forecast_origin = ? LIMIT 1",
        [origin],
    )
    if row is None:
        raise NoDataError(f"there are no forecasts of the origin {origin} yet: score it first")
    return str(row[0]), str(row[1])


def _replace(
    connection: duckdb.DuckDBPyConnection, table: str, origin: date, rows: pl.DataFrame
) -> None:
    connection.execute(
        f"DELETE FROM forecasting.{table} WHERE forecast_origin = ?",  # noqa: S608 - names above
        [origin],
    )
    append_frame(connection, f"forecasting.{table}", rows)


def _stores_not_forecast(connection: duckdb.DuckDBPyConnection, origin: date) -> pl.DataFrame:
    without = core.first_sales_dates(connection).join(
        forecasting.forecasts(connection, origin), on="store_id", how="anti", maintain_order="left"
    )
    has_sold = (pl.col("first_sales_date") <= origin).fill_null(False)
    return without.select(
        "store_id",
        forecast_origin=pl.lit(origin),
        reason=pl.when(has_sold)
        .then(pl.lit("no plan and no sales in the last weeks"))
        .otherwise(pl.lit("no plan and no sales yet")),
    )


def _report(
    connection: duckdb.DuckDBPyConnection, run_id: str, started: float, *, is_new: bool
) -> ForecastReport:
    run = read_frame(
        connection,
        """
        SELECT
            run_id, forecast_origin, model_version, stores, store_days, assumed_store_days,
            stores_not_forecast, total_sales_forecast
        FROM forecasting.forecast_runs WHERE run_id = ?
        """,
        [run_id],
    ).row(0, named=True)
    return ForecastReport(**run, is_new=is_new, seconds=time.perf_counter() - started)
