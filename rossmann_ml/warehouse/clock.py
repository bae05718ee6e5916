"""Resolve the business date, so that historical data can be processed as if it were new.

Entry point: :func:`product_today`: ``ROSSMANN_AS_OF``, else the Monday after the newest sales for
historical data, else today. Timestamps in tables, such as ``loaded_at``, are wall-clock times; see
:func:`rossmann_ml.warehouse.connection.utc_now`.
"""

from __future__ import annotations

from datetime import date, timedelta

import duckdb

from rossmann_ml.base.settings import Settings
from rossmann_ml.warehouse.tables import raw


def monday_after(day: date) -> date:
    """Return the first Monday after a day; for a Monday, the Monday a week later."""
    return day + timedelta(days=7 - day.weekday())


def today_for(settings: Settings, *, is_historical: bool, newest_sales: date | None) -> date:
    """Return the business date of a data set.

    Args:
        settings: Settings whose ``as_of`` overrides the other inputs.
        is_historical: Whether the data set ends in the past, so that the Monday after its newest
            sales counts as today.
        newest_sales: Newest day with sales of most stores, landed or in a file to land; None if
            there are none.

    Returns:
        ``settings.as_of``; else for historical data with sales the Monday after its newest sales;
        else the wall clock's date.
    """
    if settings.as_of is not None:
        return settings.as_of
    if is_historical and newest_sales is not None:
        return monday_after(newest_sales)
    return date.today()


def product_today(connection: duckdb.DuckDBPyConnection, settings: Settings) -> date:
    """Return the business date for the landed data.

    Args:
        connection: Connection to the pipeline's database.
        settings: Settings whose ``as_of`` overrides the data.
    """
    return today_for(
        settings,
        is_historical=raw.is_historical(connection),
        newest_sales=raw.newest_sales_date(connection),
    )
