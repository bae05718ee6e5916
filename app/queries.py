"""Query a generation for data that both the API and the dashboard show.

Each function takes a :class:`app.published.Reading`; a row is a mapping from column name to value.
See ``warehouse/README.md`` for tables and columns.
"""

from __future__ import annotations

from typing import Any

from app.published import Reading

HORIZON_DAYS = 42

Row = dict[str, Any]


def stores(reading: Reading) -> list[Row]:
    """Return the rows of table ``stores``, ordered by store number."""
    return reading.rows("SELECT * FROM stores ORDER BY store_id")


def store(reading: Reading, store_id: int) -> Row | None:
    """Return a store's row of table ``stores``; None if there is no such store."""
    return reading.row("SELECT * FROM stores WHERE store_id = ?", [store_id])


def store_forecast(reading: Reading, store_id: int, days: int = HORIZON_DAYS) -> list[Row]:
    """Return a store's newest forecast with the plan, for the first ``days`` after the origin.

    There is one row per day, ordered by day; the list is empty if the store has no forecast.
    """
    return reading.rows(
        """
        SELECT f.*, p.is_promo, p.state_holiday, p.is_school_holiday
        FROM latest_forecasts AS f
        LEFT JOIN store_plan AS p ON p.store_id = f.store_id AND p.plan_date = f.target_date
        WHERE f.store_id = ? AND f.horizon_days <= ?
        ORDER BY f.target_date
        """,
        [store_id, days],
    )


def store_history(reading: Reading, store_id: int, days: int) -> list[Row]:
    """Return a store's sales on the last ``days`` days up to the forecast origin, ordered by day.

    Sales are NULL on days that no file has a row for.
    """
    return reading.rows(
        """
        SELECT * FROM daily_sales
        WHERE store_id = ? AND sales_date > ?::DATE - ?::INTEGER AND sales_date <= ?::DATE
        ORDER BY sales_date
        """,
        [store_id, reading.info.forecast_origin, days, reading.info.forecast_origin],
    )


def change_on_last_year(reading: Reading, store_id: int, days: int = HORIZON_DAYS) -> float | None:
    """Return a store's forecast total divided by its sales 52 weeks earlier, minus 1.

    Both sums cover the first ``days`` days after the origin, moved back 364 days for the sales, so
    that weekdays match. The result is None if these sales are 0, or unknown on any of the days.
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
    """Return a model's row of table ``model_versions``; None if the version is unknown."""
    return reading.row("SELECT * FROM model_versions WHERE model_version = ?", [model_version])


def newest_promotion(reading: Reading, model_version: str) -> Row | None:
    """Return the newest decision that made this model the champion; None if there was none."""
    return reading.row(
        """
        SELECT * FROM promotions
        WHERE model_version = ? AND action IN ('promoted', 'rolled_back')
        ORDER BY promotion_id DESC LIMIT 1
        """,
        [model_version],
    )


def backtest(reading: Reading, model_version: str) -> list[Row]:
    """Return the backtest errors of a model, and those of simple methods on the same store-days.

    There is one row per method and forecast origin, newest origin first. Rows for all origins
    together come before them and have a NULL origin.
    """
    return reading.rows(
        """
        SELECT * FROM backtest_scores
        WHERE model_version = ? AND segment_kind = 'overall'
        ORDER BY forecast_origin DESC NULLS FIRST, rmspe_median
        """,
        [model_version],
    )


def importances(reading: Reading, model_version: str, features: int) -> list[Row]:
    """Return the ``features`` most important features of a model, largest share of gain first."""
    return reading.rows(
        """
        SELECT feature, gain_share, splits FROM feature_importance
        WHERE model_version = ? ORDER BY gain_share DESC, feature LIMIT ?
        """,
        [model_version, features],
    )
