"""Reads of schema ``monitoring`` for others. :mod:`rossmann_ml.monitoring` writes it."""

from __future__ import annotations

import duckdb
import polars as pl

from rossmann_ml.warehouse.connection import read_frame


def alerts(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Read all alerts, resolved ones too, in the order in which they were raised."""
    return read_frame(
        connection,
        """
        SELECT raised_on, rule, subject, severity, message, value, threshold, resolved_at
        FROM monitoring.alerts ORDER BY raised_at, rule, subject
        """,
    )
