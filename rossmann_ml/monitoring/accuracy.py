"""Accuracy: forecasts against what came true, beside what the backtest had promised.

What is compared and how it is scored is dbt's (``marts.forecast_accuracy`` and
``marts.forecast_worst_days``); here they are built alone, and read.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.warehouse.dbt import run_dbt
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables import core, forecasting, marts


@dataclass(frozen=True)
class AccuracyReport:
    """What came true so far.

    Attributes:
        vintages: The rows of ``marts.forecast_accuracy`` over all segments, the newest origin
            first, the served vintage before those in shadow; empty while nothing has come true.
        reasons: What happened on the worst days: ``ranked_by, reason, store_days``, the most
            frequent first.
        newest_origin: The newest origin with forecasts; None without any.
        newest_sales_date: The newest day with sales.
        seconds: Time it took.
    """

    vintages: pl.DataFrame
    reasons: pl.DataFrame
    newest_origin: date | None
    newest_sales_date: date | None
    seconds: float


def measure_accuracy(session: Session) -> AccuracyReport:
    """Compare all vintages with the sales as they stand, and keep the result in the marts.

    The next `rossmann publish` shows it to readers.

    Raises:
        NoDataError: Nothing has been landed yet.
        FaultError: A model failed.
    """
    started = time.perf_counter()
    with session.writing() as connection:
        if not core.is_built(connection):
            raise NoDataError(
                f"{session.settings.database_path} has no sales to compare with yet: "
                "run `rossmann refresh` first"
            )
    run_dbt(session, ["run", "--selector", "accuracy"])
    with session.reading() as connection:
        return read_accuracy(connection, started=started)


def read_accuracy(
    connection: duckdb.DuckDBPyConnection, *, started: float | None = None
) -> AccuracyReport:
    """Read what the marts say.

    Args:
        connection: The pipeline's database.
        started: When the measuring began (``time.perf_counter``); now if not given.
    """
    begun = time.perf_counter() if started is None else started
    return AccuracyReport(
        vintages=marts.overall_accuracy(connection),
        reasons=marts.worst_day_reasons(connection),
        newest_origin=forecasting.newest_origin_between(connection),
        newest_sales_date=core.newest_observed_day(connection),
        seconds=time.perf_counter() - begun,
    )
