"""Query schema ``monitoring``, which :mod:`rossmann_ml.monitoring` writes."""

from __future__ import annotations

import duckdb
import polars as pl

from rossmann_ml.warehouse.connection import read_frame


def alerts(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Read all alerts including resolved alerts, oldest first.

    Returns:
        Columns ``raised_on`` (business date), ``rule, subject`` (what the alert is about, such as a
        segment), ``severity, message, value, threshold`` (what the rule compared; both are null if
        it compared no numbers), ``resolved_at`` (UTC; null for an open alert).
    """
    return read_frame(
        connection,
        """
        SELECT raised_on, rule, subject, severity, message, value, threshold, resolved_at
        FROM monitoring.alerts ORDER BY raised_at, rule, subject
        """,
    )
