"""Query schema ``features``: the panels, which :mod:`rossmann_ml.features.panels` writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import duckdb
import polars as pl

from rossmann_ml.warehouse.connection import one_value, read_frame


def training_origin_near(
    connection: duckdb.DuckDBPyConnection, day: date, *, within_days: int
) -> date | None:
    """Return the forecast origin in the training panel that is nearest to a day.

    Args:
        connection: Connection to the pipeline's database.
        day: Day to which the origin should be near.
        within_days: Largest number of days between the day and the origin.

    Returns:
        The origin, the earlier of two that are equally near; None if no origin is near enough.

    Raises:
        duckdb.CatalogException: There is no training panel yet.
    """
    return one_value(
        connection,
        date,
        """
        SELECT forecast_origin FROM features.training_panel
        WHERE abs(forecast_origin - $day::DATE) <= $within
        ORDER BY abs(forecast_origin - $day::DATE), forecast_origin LIMIT 1
        """,
        {"day": day, "within": within_days},
    )


def first_rows(
    connection: duckdb.DuckDBPyConnection, panel: str, *, origin: date, columns: Sequence[str]
) -> pl.DataFrame:
    """Read features of the first day after a forecast origin, one row per store.

    One day is enough for features that do not depend on the target day, such as a store's level.

    Args:
        connection: Connection to the pipeline's database.
        panel: Name of the table: ``training_panel`` or ``scoring_panel``.
        origin: Forecast origin of the rows.
        columns: Columns to read, in addition to ``store_id``.

    Raises:
        duckdb.CatalogException: There is no such panel yet.
    """
    return read_frame(
        connection,
        f"""
        SELECT DISTINCT ON (store_id) store_id, {", ".join(columns)}
        FROM features.{panel} WHERE forecast_origin = $origin
        ORDER BY store_id, target_date
        """,  # noqa: S608 - names come from the code
        {"origin": origin},
    )
