"""Shadow forecasts: what a challenger that does not serve would have forecast.

They go to a table of their own, ``forecasting.shadow_forecasts``, from the very panel that the
champion scored; what is served does not depend on them, and a challenger that cannot score does
not stop the weekly job. The champion's forecasts are :mod:`rossmann_ml.forecasting.score`'s matter.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.settings import Settings
from rossmann_ml.features.inputs import newest_origin
from rossmann_ml.features.panels import read_scoring_panel
from rossmann_ml.forecasting.score import run_in_force
from rossmann_ml.models.bundle import Bundle
from rossmann_ml.warehouse.connection import (
    append_frame,
    one_row,
    transaction,
)
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables.models import champion_record, newer_models


@dataclass(frozen=True)
class ShadowReport:
    """What ran in shadow.

    Attributes:
        forecast_origin: The newest origin.
        model_version: The challenger, or None where none runs in shadow.
        store_days: Its rows.
        difference_share: Sum of its forecasts over the champion's on the same rows, minus 1.
        is_new: False when it had scored the same panel before.
        reason: Why there is nothing, where there is nothing.
        seconds: Wall time.
    """

    forecast_origin: date
    model_version: str | None
    store_days: int
    difference_share: float
    is_new: bool
    reason: str
    seconds: float


def shadow_challenger(connection: duckdb.DuckDBPyConnection, settings: Settings) -> str | None:
    """The newest registered model that is newer than the champion's promotion and was not promoted.

    Models without a bundle on disk do not count.
    """
    serving = champion_record(connection)
    if serving is None:
        return None
    versions = newer_models(connection, serving)
    return next((name for name in versions if (settings.models_path / name).is_dir()), None)


def score_shadow(session: Session) -> ShadowReport:
    """Score ``features.scoring_panel`` with the challenger, beside the forecasts in force.

    Nothing is stored again while the champion's forecasts of that origin are those beside which
    it stands; when they were scored anew, its rows are replaced.

    ``forecast.shadow_challenger`` in ``params.yaml`` says whether there is to be any.

    Raises:
        NoDataError: The newest origin has no forecasts yet.
    """
    started = time.perf_counter()
    settings = session.settings
    with session.writing() as connection:
        origin = newest_origin(connection)

        def nothing(reason: str) -> ShadowReport:
            seconds = time.perf_counter() - started
            return ShadowReport(origin, None, 0, 0.0, False, reason, seconds)

        if not session.params.forecast.shadow_challenger:
            return nothing("forecast.shadow_challenger is false")
        challenger = shadow_challenger(connection, settings)
        if challenger is None:
            return nothing("no challenger is newer than the champion's promotion")
        run_id, _ = run_in_force(connection, origin)
        is_new = not _is_stored(connection, origin, challenger, run_id)
        if is_new:
            session.progress(f"shadow forecasts from {origin} by {challenger}")
            panel = read_scoring_panel(connection, origin)
            try:
                bundle = Bundle.load(settings.models_path, challenger, threads=settings.threads)
                forecasts = bundle.forecast(panel)
            except NoDataError as error:  # its own matter, not that of what is served
                return nothing(f"{challenger} cannot score: {error}")
            rows = forecasts.with_columns(
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
        store_days, difference_share = _beside_the_champion(connection, origin, challenger)
    seconds = time.perf_counter() - started
    return ShadowReport(origin, challenger, store_days, difference_share, is_new, "", seconds)


def _is_stored(
    connection: duckdb.DuckDBPyConnection, origin: date, challenger: str, run_id: str
) -> bool:
    found = one_row(
        connection,
        "SELECT 1 FROM forecasting.shadow_forecasts "
        "WHERE forecast_origin = ? AND model_version = ? AND run_id = ? LIMIT 1",
        [origin, challenger, run_id],
    )
    return found is not None


def _beside_the_champion(
    connection: duckdb.DuckDBPyConnection, origin: date, challenger: str
) -> tuple[int, float]:
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
    return int(store_days), float(share or 0.0)
