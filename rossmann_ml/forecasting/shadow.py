"""Make shadow forecasts: a challenger forecasts the same rows as the champion, without serving.

:func:`score_shadow` writes them to ``forecasting.shadow_forecasts``. Served forecasts do not depend
on them. A challenger whose bundle is damaged, or which needs features that are no longer
computed, does not stop the weekly job. See :mod:`rossmann_ml.forecasting.score` for the served
forecasts.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from rossmann_ml.base.errors import FaultError, NoDataError
from rossmann_ml.base.settings import Settings
from rossmann_ml.features.inputs import newest_origin
from rossmann_ml.features.panels import read_scoring_panel
from rossmann_ml.forecasting.score import run_in_force
from rossmann_ml.training.bundle_copies import load_bundle
from rossmann_ml.warehouse.connection import append_frame, one_row, transaction
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables.models import champion_record, newer_models


@dataclass(frozen=True)
class ShadowReport:
    """Result of making shadow forecasts from the newest origin.

    Attributes:
        forecast_origin: Newest forecast origin.
        model_version: Version of the challenger; None if there are no shadow forecasts.
        store_days: Number of store-days with a shadow forecast.
        difference_share: Sum of the challenger's forecasts divided by the sum of the champion's on
            the same store-days, minus 1; 0 if there are no shadow forecasts.
        is_new: Whether this call stored forecasts; False if they were already stored or there are
            none.
        reason: Why there are no shadow forecasts; empty if there are.
        seconds: Wall time in seconds.
    """

    forecast_origin: date
    model_version: str | None
    store_days: int
    difference_share: float
    is_new: bool
    reason: str
    seconds: float


def shadow_challenger(connection: duckdb.DuckDBPyConnection, settings: Settings) -> str | None:
    """Look up the challenger for shadow forecasts.

    It is the newest registered model that was created after the champion's promotion and whose
    bundle is on disk.

    Returns:
        Version of the model; None if there is no such model.
    """
    serving = champion_record(connection)
    if serving is None:
        return None
    versions = newer_models(connection, serving)
    return next((name for name in versions if (settings.models_path / name).is_dir()), None)


def score_shadow(session: Session) -> ShadowReport:
    """Forecast the rows in ``features.scoring_panel`` with the challenger, and store the forecasts.

    The forecasts are stored with the identifier of the champion's current forecast run for the
    origin. They are computed again only if that run or the challenger changes. Nothing is stored if
    ``forecast.shadow_challenger`` in ``params.yaml`` is false, if there is no challenger, or if the
    challenger cannot forecast; the report then has the reason.

    Raises:
        NoDataError: The newest origin has no forecasts yet, or the panel is missing or was built
            for another origin or from other data.
    """
    started = time.perf_counter()
    settings = session.settings
    with session.writing() as connection:
        origin = newest_origin(connection)

        def not_run(reason: str) -> ShadowReport:
            seconds = time.perf_counter() - started
            return ShadowReport(origin, None, 0, 0.0, False, reason, seconds)

        if not session.params.forecast.shadow_challenger:
            return not_run("forecast.shadow_challenger is false")
        challenger = shadow_challenger(connection, settings)
        if challenger is None:
            return not_run("no challenger is newer than the champion's promotion")
        run_id, _ = run_in_force(connection, origin)
        stored = one_row(
            connection,
            "SELECT 1 FROM forecasting.shadow_forecasts "
            "WHERE forecast_origin = ? AND model_version = ? AND run_id = ? LIMIT 1",
            [origin, challenger, run_id],
        )
        if stored is None:
            session.progress(f"shadow forecasts from {origin} by {challenger}")
            panel = read_scoring_panel(connection, origin)
            try:
                bundle = load_bundle(session, connection, challenger)
                forecasts = bundle.forecast(panel)
            # a faulty challenger must not stop the weekly job
            except (NoDataError, FaultError) as error:
                return not_run(f"{challenger} cannot score: {error}")
            rows = forecasts.drop("mean_departure").with_columns(
                model_version=pl.lit(challenger),
                run_id=pl.lit(run_id),
                plan_source=panel["plan_source"],
            )
            with transaction(connection):
                connection.execute(
                    "DELETE FROM forecasting.shadow_forecasts "
                    "WHERE forecast_origin = ? AND model_version = ?",
                    [origin, challenger],
                )
                append_frame(connection, "forecasting.shadow_forecasts", rows)
        ((store_days, share),) = connection.execute(
            """
            SELECT count(*), sum(shadow.sales_forecast) / sum(served.sales_forecast) - 1
            FROM forecasting.shadow_forecasts AS shadow
            INNER JOIN forecasting.forecasts AS served
                USING (forecast_origin, store_id, target_date)
            WHERE shadow.forecast_origin = ? AND shadow.model_version = ?
            """,
            [origin, challenger],
        ).fetchall()
    seconds = time.perf_counter() - started
    return ShadowReport(origin, challenger, store_days, share or 0.0, stored is None, "", seconds)
