"""Query schema ``monitoring``, which :mod:`rossmann_ml.monitoring` writes."""

from __future__ import annotations

import duckdb
import polars as pl

from rossmann_ml.warehouse.connection import read_frame


def alerts(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Read all alerts including resolved alerts, oldest first.

    Returns:
        Columns ``raised_on, rule, subject, severity, message, value, threshold, resolved_at``.
    """
    return read_frame(
        connection,
        """
        SELECT raised_on, rule, subject, severity, message, value, threshold, resolved_at
        FROM monitoring.alerts ORDER BY raised_at, rule, subject
        """,
    )
