"""Compute and store the drivers that explain the current forecasts from the newest origin.

:func:`explain_newest_origin` writes them to ``forecasting.forecast_drivers``, after a check that
they add up to the stored forecasts. See :mod:`rossmann_ml.forecasting.drivers.attribution` for
computing them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import polars as pl

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.features.driver_groups import GROUPS
from rossmann_ml.features.inputs import newest_origin, read_inputs
from rossmann_ml.features.panels import read_scoring_panel
from rossmann_ml.forecasting.drivers.attribution import explain
from rossmann_ml.forecasting.drivers.typical_day import TypicalDay
from rossmann_ml.forecasting.score import run_in_force
from rossmann_ml.models.base import log_base
from rossmann_ml.models.departures import means_of_rows
from rossmann_ml.training.bundle_copies import load_bundle
from rossmann_ml.warehouse.connection import append_frame, one_row, read_frame, transaction
from rossmann_ml.warehouse.session import Session

# Largest difference between the sum of the drivers and the log of the stored forecast. A larger
# one means another model or panel, because predictions are deterministic.
_LOG_TOLERANCE = 1e-9


@dataclass(frozen=True)
class DriversReport:
    """Result of explaining the forecasts from the newest origin.

    Attributes:
        forecast_origin: Origin from which the forecasts were made.
        run_id: Identifier of the forecast run that made the forecasts.
        model_version: Version of the model that made the forecasts.
        store_days: Number of open store-days that have drivers.
        mean_absolute_log: Mean absolute contribution of each driver group, in log units.
        is_new: Whether this call stored drivers; False if they were already stored.
        seconds: Wall time in seconds.
    """

    forecast_origin: date
    run_id: str
    model_version: str
    store_days: int
    mean_absolute_log: dict[str, float]
    is_new: bool
    seconds: float


def explain_newest_origin(session: Session) -> DriversReport:
    """Compute the drivers of the current forecasts from the newest origin, and store them.

    The drivers are written to ``forecasting.forecast_drivers``. If these forecasts already have
    drivers, nothing is computed. When new drivers are stored, only those of the newest N origins
    are kept, and older ones are deleted; N is ``forecast.vintages_published`` in ``params.yaml``.

    Raises:
        NoDataError: There are no forecasts from the origin yet, the forecasts were not made from
            the panel that is now in ``features.scoring_panel``, that panel was built from other
            data, or the model's bundle is missing.
        DamagedError: The bundle is damaged, and no copy is whole.
    """
    started = time.perf_counter()
    params = session.params
    with session.writing() as connection:
        origin = newest_origin(connection)
        run_id, model_version = run_in_force(connection, origin)
        found = one_row(
            connection,
            "SELECT 1 FROM forecasting.forecast_drivers WHERE forecast_origin = ? AND run_id = ?",
            [origin, run_id],
        )
        if found is None:
            session.progress(f"drivers of the forecasts from {origin} by {model_version}")
            bundle = load_bundle(session, connection, model_version)
            panel = read_scoring_panel(connection, origin)
            inputs = read_inputs(connection, params, forecast_origin=origin)
            typical = TypicalDay.of(
                inputs.features,
                forecast_origin=origin,
                horizon_days=params.forecast.horizon_days,
            )
            means = read_frame(
                connection,
                "SELECT * FROM forecasting.mean_departures WHERE forecast_origin = ?",
                [origin],
            )
            drivers = explain(
                panel,
                typical,
                lambda rows: log_base(rows) + bundle.model.predict_departures(rows),
                features=bundle.metadata.features,
                log_shift=bundle.calibration.log_shift
                - means_of_rows(panel.filter("is_open"), means),
            )
            _check(connection, drivers, run_id)
            rows = drivers.with_columns(model_version=pl.lit(model_version), run_id=pl.lit(run_id))
            with transaction(connection):
                connection.execute(
                    """
                    DELETE FROM forecasting.forecast_drivers
                    WHERE forecast_origin = ? OR forecast_origin NOT IN (
                        SELECT DISTINCT forecast_origin FROM forecasting.forecasts
                        ORDER BY 1 DESC LIMIT ?
                    )
                    """,
                    [origin, params.forecast.vintages_published],
                )
                append_frame(connection, "forecasting.forecast_drivers", rows)
        ((store_days, *means),) = connection.execute(
            f"""
            SELECT count(*), {", ".join(f"avg(abs({group}_log))" for group in GROUPS)}
            FROM forecasting.forecast_drivers WHERE forecast_origin = ?
            """,  # noqa: S608 - names of groups
            [origin],
        ).fetchall()
    return DriversReport(
        origin,
        run_id,
        model_version,
        store_days,
        {group: round(float(mean), 6) for group, mean in zip(GROUPS, means, strict=True)},
        found is None,
        time.perf_counter() - started,
    )


def _check(connection: duckdb.DuckDBPyConnection, drivers: pl.DataFrame, run_id: str) -> None:
    """Raise NoDataError unless the drivers of every open store-day add up to its stored forecast.

    A difference means that ``features.scoring_panel`` was rebuilt after the forecasts were made, so
    the drivers would explain other forecasts.

    Args:
        connection: Pipeline database.
        drivers: Rows returned by :func:`rossmann_ml.forecasting.drivers.attribution.explain`.
        run_id: Identifier of the forecast run that made the stored forecasts.

    Raises:
        NoDataError: A sum differs from its forecast by more than rounding, or a store-day has only
            a forecast or only drivers.
    """
    forecasts = read_frame(
        connection,
        """
        SELECT store_id, target_date, sales_forecast
        FROM forecasting.forecasts WHERE run_id = ? AND is_open
        """,
        [run_id],
    )
    sums = drivers.select(
        "store_id", "target_date", total=pl.sum_horizontal(pl.selectors.ends_with("_log"))
    )
    compared = forecasts.join(sums, on=["store_id", "target_date"], how="full", coalesce=True)
    apart = (compared["sales_forecast"].log() - compared["total"]).abs().fill_null(np.inf)
    at = apart.arg_max()
    if at is not None and apart[at] > _LOG_TOLERANCE:
        worst = compared.row(at, named=True)
        explained = "nothing" if worst["total"] is None else f"{np.exp(worst['total']):.4f}"
        raise NoDataError(
            f"the drivers of store {worst['store_id']} on {worst['target_date']} add up to "
            f"{explained}, its forecast is {worst['sales_forecast']}: features.scoring_panel is "
            "not the one that was scored; run `rossmann refresh`"
        )
