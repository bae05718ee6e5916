"""What the drift section asks: the measures of an origin, and how they went over origins."""

from __future__ import annotations

from datetime import date
from typing import Any

from app.published import Reading

Row = dict[str, Any]


def origins(reading: Reading) -> list[Row]:
    """Origins that were measured, the newest first: ``forecast_origin, measures, drifted``."""
    return reading.rows(
        """
        SELECT forecast_origin, count(*) AS measures,
            count(*) FILTER (is_drifted) AS drifted
        FROM drift_metrics GROUP BY forecast_origin ORDER BY forecast_origin DESC
        """
    )


def measures(reading: Reading, origin: date) -> list[Row]:
    """Every measure of an origin, what is nearest to its threshold or beyond it first."""
    return reading.rows(
        """
        SELECT *, value / threshold AS of_threshold FROM drift_metrics
        WHERE forecast_origin = ? ORDER BY of_threshold DESC, kind, feature
        """,
        [origin],
    )


def over_origins(reading: Reading, most: int) -> list[Row]:
    """Every measure of the newest origins: ``forecast_origin, kind, feature, of_threshold``."""
    return reading.rows(
        """
        SELECT forecast_origin, kind, feature, value / threshold AS of_threshold, is_drifted
        FROM drift_metrics
        WHERE forecast_origin IN (
            SELECT DISTINCT forecast_origin FROM drift_metrics ORDER BY 1 DESC LIMIT ?
        )
        ORDER BY forecast_origin, kind, feature
        """,
        [most],
    )
