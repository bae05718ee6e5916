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
    """Return the training panel's origin nearest to `day`; the earlier one of two equally near.

    It is None if no origin is at most `within_days` before or after `day`.

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
    """Read columns of each store's row with the first target date after an origin.

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
