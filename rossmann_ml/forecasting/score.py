"""Build the panel to forecast from an origin, forecast it with a model, and store the result.

:func:`build_scoring_panel` and :func:`score_newest_origin` are steps of the weekly job. See
:mod:`rossmann_ml.pipeline.backfill` for forecasting from past origins.
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
from rossmann_ml.forecasting.taken_back import take_back_runs
from rossmann_ml.models.bundle import Bundle
from rossmann_ml.training.bundle_copies import load_bundle
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
    """Result of forecasting from an origin.

    Attributes:
        run_id: Identifier of the forecast run whose forecasts are now current; that of an earlier
            run if nothing has changed since.
        forecast_origin: Last day whose sales were used.
        model_version: Version of the model that made the forecasts.
        stores: Number of stores with a forecast.
        store_days: Number of store-days with a forecast, including closed days.
        assumed_store_days: Number of store-days for which the retailer sent no plan, so that a rule
            filled it in.
        stores_not_forecast: Number of stores without a forecast; the table
            ``forecasting.stores_not_forecast`` has the reasons.
        total_sales_forecast: Sum of all daily forecasts in EUR, which is too low on average.
        total_sales_unbiased: Unbiased total of all forecasts in EUR; None for a run that was
            replaced before these totals were stored.
        is_new: Whether new forecasts were stored; False if the inputs were the same as before.
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
    total_sales_unbiased: float | None
    is_new: bool
    seconds: float


def panel_to_score(inputs: OriginInputs, params: Params) -> pl.DataFrame:
    """Build the panel to forecast from an origin, without stores that get no forecast.

    Args:
        inputs: Stores, sales and plan as known at the origin. Only store-days in
            ``inputs.horizon_plan`` get a row.
        params: Parameters from ``params.yaml``; those of the horizon and the features are used.

    Returns:
        Columns that :func:`rossmann_ml.features.panel.scoring_panel` returns, and ``plan_source``,
        which says where the store-day's plan comes from: ``planned`` (plan file), ``actual`` (sales
        file, if the day has passed), ``assumed`` (filled in by a rule) or ``not_selling`` (closed,
        because the store does not sell).
    """
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
    """Build the panel to forecast from the newest origin, and store it in the warehouse.

    It replaces ``features.scoring_panel``, whose rows the champion and the challenger forecast.

    Returns:
        Origin and size of the panel.
    """
    started = time.perf_counter()
    with session.writing() as connection:
        inputs = read_newest_inputs(connection, session.params)
        origin = inputs.forecast_origin
        session.progress(f"features of origin {origin}")
        panel = panel_to_score(inputs, session.params)
        return store_panel(session, SCORING_PANEL, panel, origin, started)


def score_newest_origin(session: Session, *, run_id: str) -> ForecastReport:
    """Forecast the rows in ``features.scoring_panel`` with the champion, and store the forecasts.

    If model, data (sales, plan and stores) and code are the same as in the current forecast run for
    this origin, nothing is stored and that run stays current. Before, runs are taken back that used
    a file which was replaced or withdrawn; see :mod:`rossmann_ml.forecasting.taken_back`.

    Args:
        session: Settings, parameters and progress of the command.
        run_id: Identifier for the new forecast run.

    Raises:
        NoDataError: The panel is missing or was built for another origin or from other data,
            there is no champion yet, or its bundle is missing.
        DamagedError: The champion's bundle is damaged, and no copy is whole.
    """
    settings = session.settings
    with session.writing() as connection:
        origin = newest_origin(connection)
        panel = read_scoring_panel(connection, origin)
        bundle = load_bundle(session, connection, require_champion(connection))
        versions = session.versions(connection)
        for taken_back in take_back_runs(connection, origin=origin, data_version=versions.data):
            session.progress(f"the forecasts of run {taken_back} were taken back")
        session.progress(f"forecasts from {origin} by {bundle.model_version}")
        return store_forecasts(
            connection,
            panel=panel,
            bundle=bundle,
            run_id=run_id,
            run_kind=WEEKLY,
            known_by=product_today(connection, settings),
            versions=versions,
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
    """Forecast the rows of a panel, and store the forecasts and a record of the forecast run.

    If model, data, code and horizon are the same as in the newest run for this origin, nothing is
    stored and the report is about that run. Otherwise, forecasts that an earlier run made for the
    origin are moved to ``forecasting.forecast_history``, and their drivers are deleted. The new
    forecasts are stored in the same transaction.

    Args:
        connection: Pipeline database.
        panel: Result of :func:`panel_to_score`.
        bundle: Model to forecast with.
        run_id: Identifier for the new forecast run.
        run_kind: ``weekly`` or ``backfill``.
        known_by: Last day whose landed rows the forecasts may use: the business date, or for
            ``backfill`` the Monday after the origin. It is only stored in the run's record.
        versions: Fingerprints of data and code; stored in the run's record, and compared with those
            of the newest run.
    """
    started, started_at = time.perf_counter(), utc_now()
    origin: date = panel["forecast_origin"][0]
    # the parameters may be of another file than the one in the code's fingerprint
    days = str(panel["horizon_days"].max())
    inputs = [str(origin), bundle.model_version, versions.data, versions.code, days]
    input_hash = fingerprint(inputs)
    in_force = one_row(
        connection,
        "SELECT run_id, input_hash FROM forecasting.forecast_runs WHERE forecast_origin = $origin "
        "AND run_id IN (SELECT run_id FROM forecasting.forecasts WHERE forecast_origin = $origin) "
        "ORDER BY started_at DESC, run_id LIMIT 1",
        {"origin": origin},
    )
    if in_force is not None and in_force[1] == input_hash:
        return _report(connection, str(in_force[0]), started, is_new=False)

    forecasts = bundle.forecast(panel)
    intervals = bundle.total_intervals(panel, forecasts, core.stores(connection))
    means = forecasts.select("forecast_origin", "target_date", "mean_departure").unique()
    rows = forecasts.drop("mean_departure").with_columns(
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
        errors = bundle.error_quantiles(intervals).select(
            pl.lit(origin).alias("forecast_origin"), pl.all(), pl.lit(run_id).alias("run_id")
        )
        _replace(connection, "error_quantiles", origin, errors)
        _replace(
            connection,
            "mean_departures",
            origin,
            means.sort("target_date").with_columns(run_id=pl.lit(run_id)),
        )
        _replace(connection, "unseen_categories", origin, unseen)
        not_forecast = _stores_not_forecast(connection, origin)
        total = float(rows["sales_forecast"].sum())
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
            "total_sales_forecast": total,
            "total_sales_unbiased": total * forecasting.unbiased_factor(connection, origin),
            "started_at": started_at,
            "finished_at": utc_now(),
        }
        append_frame(connection, "forecasting.forecast_runs", pl.DataFrame([run]))
    return _report(connection, run_id, started, is_new=True)


def run_in_force(connection: duckdb.DuckDBPyConnection, origin: date) -> tuple[str, str]:
    """Read which forecast run made the current forecasts from an origin, and with which model.

    Returns:
        Identifier of the run, and version of its model.

    Raises:
        NoDataError: There are no forecasts from this origin.
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
    without = core.last_sales_and_next_openings(connection, origin).join(
        forecasting.forecasts(connection, origin), on="store_id", how="anti", maintain_order="left"
    )
    return without.select(
        "store_id",
        forecast_origin=pl.lit(origin),
        reason=pl.concat_str(
            pl.coalesce(pl.format("no sales since {}", "last_sold_on"), pl.lit("no sales yet")),
            pl.coalesce(
                pl.format(", planned to open on {}, after the forecast days", "opens_on"),
                pl.lit(", and no plan opens it"),
            ),
        ),
    )


def _report(
    connection: duckdb.DuckDBPyConnection, run_id: str, started: float, *, is_new: bool
) -> ForecastReport:
    run = read_frame(
        connection,
        """
        SELECT
            run_id, forecast_origin, model_version, stores, store_days, assumed_store_days,
            stores_not_forecast, total_sales_forecast, total_sales_unbiased
        FROM forecasting.forecast_runs WHERE run_id = ?
        """,
        [run_id],
    ).row(0, named=True)
    return ForecastReport(**run, is_new=is_new, seconds=time.perf_counter() - started)
