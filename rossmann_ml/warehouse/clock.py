"""What day it is for the product.

Every judgement about time (freshness, what became known when) asks here, so that data of 2015 can
be worked with as if it were new. Wall-clock stamps for logs and ``loaded_at`` do not come from
here.
"""

from __future__ import annotations

from datetime import date, timedelta

import duckdb

from rossmann_ml.base.settings import Settings
from rossmann_ml.warehouse.tables import raw


def monday_after(day: date) -> date:
    """The first Monday later than a day."""
    return day + timedelta(days=7 - day.weekday())


def newest_sales_date(connection: duckdb.DuckDBPyConnection) -> date | None:
    """The newest day with landed sales, or None before the first."""
    span = raw.sales_span(connection)
    return None if span is None else span[1]


def today_for(settings: Settings, *, is_historical: bool, newest_sales: date | None) -> date:
    """Work out today from what it depends on.

    Args:
        settings: ``as_of`` wins over everything.
        is_historical: Whether time stands still at the end of the data.
        newest_sales: The newest day with sales, landed or about to be.

    Returns:
        ``settings.as_of``; else for historical data the Monday after its newest sales; else the
        wall clock's date.
    """
    if settings.as_of is not None:
        return settings.as_of
    if is_historical and newest_sales is not None:
        return monday_after(newest_sales)
    return date.today()


def product_today(connection: duckdb.DuckDBPyConnection, settings: Settings) -> date:
    """The product's today, given what has been landed.

    Args:
        connection: An open connection to the pipeline's database.
        settings: May set today with ``as_of``.
    """
    return today_for(
        settings,
        is_historical=raw.is_historical(connection),
        newest_sales=newest_sales_date(connection),
    )
