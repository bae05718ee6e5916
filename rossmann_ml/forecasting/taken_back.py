"""Take back forecasts that would not exist without a file that was replaced or withdrawn.

Entry point: :func:`take_back_runs`, called before each scoring. The runs stay on record in
``forecasting.runs_taken_back``.
"""

from __future__ import annotations

from datetime import date

import duckdb

from rossmann_ml.warehouse.connection import transaction, utc_now
from rossmann_ml.warehouse.tables import raw

_BY_RUN = (
    "forecasts", "forecast_history", "total_intervals", "mean_departures", "error_quantiles",
    "forecast_drivers",
)  # fmt: skip
_BY_ORIGIN = ("stores_not_forecast", "unseen_categories")


def take_back_runs(
    connection: duckdb.DuckDBPyConnection, *, origin: date, data_version: str
) -> list[str]:
    """Delete the forecasts of runs whose origin or data no longer exists, and record these runs.

    These are the runs of origins after the newest one, and the runs of the newest origin that used
    a file which is no longer in force, unless the data are still the same. Forecasts of earlier
    origins stay, because readers had them and they cannot be made again.

    Args:
        connection: Writing connection to the pipeline's database.
        origin: Newest forecast origin.
        data_version: Fingerprint of the landed rows.

    Returns:
        Ids of the runs that were taken back, in the order of their start.
    """
    runs = connection.execute(
        "SELECT run_id, forecast_origin, data_version, started_at FROM forecasting.forecast_runs "
        "WHERE forecast_origin >= ? ORDER BY started_at, run_id",
        [origin],
    ).fetchall()
    files = raw.files_out_of_force(connection)
    reasons: dict[str, str] = {}
    for run_id, of_origin, of_data, started_at in runs:
        used = [
            f"{name} ({because})"
            for name, loaded_at, withdrawn_at, because in files
            if loaded_at <= started_at <= withdrawn_at
        ]
        if of_origin > origin:
            reasons[run_id] = f"its origin is after the newest complete day, {origin}"
        elif used and of_data != data_version:
            reasons[run_id] = "it used " + ", ".join(used)
    if any(of_origin == origin and run_id in reasons for run_id, of_origin, *_ in runs):
        for run_id, of_origin, of_data, _ in runs:
            if of_origin == origin and of_data == data_version:
                # its intervals and drivers were replaced, so the next scoring makes it again
                reasons[run_id] = "it is made again from the same data"
    if reasons:
        with transaction(connection):
            for run_id, reason in reasons.items():
                _take_back(connection, run_id, reason)
            for table in (*_BY_ORIGIN, "shadow_forecasts"):
                connection.execute(
                    f"DELETE FROM forecasting.{table} AS rows "  # noqa: S608 - names above
                    "WHERE forecast_origin >= ? AND forecast_origin NOT IN "
                    "(SELECT forecast_origin FROM forecasting.forecasts)",
                    [origin],
                )
    return list(reasons)


def _take_back(connection: duckdb.DuckDBPyConnection, run_id: str, reason: str) -> None:
    connection.execute(
        """
        INSERT INTO forecasting.runs_taken_back BY NAME
        SELECT run_id, run_kind, forecast_origin, model_version, data_version, store_days,
            total_sales_forecast, total_sales_unbiased, started_at, $now AS taken_back_at,
            $reason AS reason
        FROM forecasting.forecast_runs WHERE run_id = $run_id
        """,
        {"run_id": run_id, "reason": reason, "now": utc_now()},
    )
    for table in (*_BY_RUN, "shadow_forecasts", "forecast_runs"):
        connection.execute(
            f"DELETE FROM forecasting.{table} WHERE run_id = ?",  # noqa: S608 - names above
            [run_id],
        )
