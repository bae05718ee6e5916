"""Queries of a generation that API and dashboard share.

Each function takes a :class:`app.published.Reading` and returns plain rows. See
``warehouse/README.md`` for tables and columns.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from app.published import Reading

HORIZON_DAYS = 42

Row = dict[str, Any]


def stores(reading: Reading) -> list[Row]:
    """Return all stores."""
    return reading.rows("SELECT * FROM stores ORDER BY store_id")


def store(reading: Reading, store_id: int) -> Row | None:
    """Return one store; None for an unknown store."""
    return reading.row("SELECT * FROM stores WHERE store_id = ?", [store_id])


def store_forecast(
    reading: Reading, store_id: int, origin: date, days: int = HORIZON_DAYS
) -> list[Row]:
    """Return the forecast of a store from an origin, by day, with the plan as known now."""
    return reading.rows(
        """
        SELECT f.*, p.is_promo, p.state_holiday, p.is_school_holiday
        FROM forecasts AS f
        LEFT JOIN store_plan AS p ON p.store_id = f.store_id AND p.plan_date = f.target_date
        WHERE f.store_id = ? AND f.forecast_origin = ? AND f.horizon_days <= ?
        ORDER BY f.target_date
        """,
        [store_id, origin, days],
    )


def store_history(reading: Reading, store_id: int, days: int) -> list[Row]:
    """Return the last days of a store up to the origin; NULL on days without observation."""
    return reading.rows(
        """
        SELECT * FROM daily_sales
        WHERE store_id = ? AND sales_date > ?::DATE - ?::INTEGER AND sales_date <= ?::DATE
        ORDER BY sales_date
        """,
        [store_id, reading.info.forecast_origin, days, reading.info.forecast_origin],
    )


def change_on_last_year(reading: Reading, store_id: int, days: int = HORIZON_DAYS) -> float | None:
    """Return the forecast of ``days`` over the sales of the same weekdays 52 weeks before, minus 1.

    None unless the sales of all those days are known, because a part would not be comparable.
    """
    row = reading.row(
        """
        SELECT sum(f.sales_forecast) / nullif(sum(s.sales), 0) - 1 AS change
        FROM latest_forecasts AS f
        LEFT JOIN daily_sales AS s
            ON s.store_id = f.store_id AND s.sales_date = f.target_date - 364
        WHERE f.store_id = ? AND f.horizon_days <= ?
        HAVING count(s.sales) = count(*)
        """,
        [store_id, days],
    )
    return None if row is None else row["change"]


def model(reading: Reading, model_version: str) -> Row | None:
    """Return one trained model; None for an unknown version."""
    return reading.row("SELECT * FROM model_versions WHERE model_version = ?", [model_version])


def newest_promotion(reading: Reading, model_version: str) -> Row | None:
    """Return the newest decision that made a model champion; None without one."""
    return reading.row(
        """
        SELECT * FROM promotions
        WHERE model_version = ? AND action IN ('promoted', 'rolled_back')
        ORDER BY promotion_id DESC LIMIT 1
        """,
        [model_version],
    )


def backtest(reading: Reading, model_version: str) -> list[Row]:
    """Return overall scores of a model and of simple methods, by origin; NULL is all origins."""
    return reading.rows(
        """
        SELECT * FROM backtest_scores
        WHERE model_version = ? AND segment_kind = 'overall'
        ORDER BY forecast_origin DESC NULLS FIRST, rmspe_median
        """,
        [model_version],
    )


def importances(reading: Reading, model_version: str, features: int) -> list[Row]:
    """Return the most important features of a model, the strongest first."""
    return reading.rows(
        """
        SELECT feature, gain_share, splits FROM feature_importance
        WHERE model_version = ? ORDER BY gain_share DESC, feature LIMIT ?
        """,
        [model_version, features],
    )
