"""Measure the accuracy of served and shadow forecasts against actual sales and the backtest.

Entry point: :func:`measure_accuracy`, which builds and reads the dbt models
``marts.forecast_accuracy`` and ``marts.forecast_worst_days``. These models define the metrics.
"""

from __future__ import annotations

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
    """Accuracy of all vintages that have actuals.

    Attributes:
        vintages: Rows of ``marts.forecast_accuracy`` about all stores together, newest origin
            first, and for each origin the served vintage before shadow ones. Empty before the
            first actuals.
        reasons: Why the worst served forecasts were wrong: ``ranked_by, reason, store_days``. The
            worst are up to 200 store-days with the largest errors in percent (``ranked_by`` is
            ``relative``), and up to 200 with the largest in EUR (``eur``), in the 28 days up to the
            newest forecast day with a sales row. ``store_days`` is the number of store-days with
            the reason. Rows are sorted by ``ranked_by`` (``relative`` first), then the most
            frequent reason first.
        newest_origin: Newest origin with forecasts; None without forecasts.
        newest_sales_date: Newest day with sales; None without sales.
    """

    vintages: pl.DataFrame
    reasons: pl.DataFrame
    newest_origin: date | None
    newest_sales_date: date | None


def measure_accuracy(session: Session) -> AccuracyReport:
    """Compare all vintages with actual sales, store the metrics in the marts, and return them.

    Readers see the metrics after the next `rossmann publish`.

    Raises:
        NoDataError: dbt has not built the sales yet.
        RefusedError: A dbt model failed.
    """
    with session.writing() as connection:
        if not core.is_built(connection):
            raise NoDataError(
                f"{session.settings.database_path} has no sales to compare with yet: "
                "run `rossmann refresh` first"
            )
    run_dbt(session, ["run", "--selector", "accuracy"])
    with session.reading() as connection:
        return read_accuracy(connection)


def read_accuracy(connection: duckdb.DuckDBPyConnection) -> AccuracyReport:
    """Read the metrics that dbt stored in the marts, without computing them again."""
    return AccuracyReport(
        vintages=marts.overall_accuracy(connection),
        reasons=marts.worst_day_reasons(connection),
        newest_origin=forecasting.newest_origin_between(connection),
        newest_sales_date=core.newest_observed_day(connection),
    )
