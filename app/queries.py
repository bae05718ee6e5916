"""Queries of a generation that the API or pages of the dashboard share.

Each function takes a :class:`app.published.Reading`; a row is a mapping from column name to value.
See ``warehouse/README.md`` for tables and columns.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from app.published import Reading

Row = dict[str, Any]


def stores(reading: Reading) -> list[Row]:
    """Return the rows of table ``stores``, ordered by store number."""
    return reading.rows("SELECT * FROM stores ORDER BY store_id")


def store(reading: Reading, store_id: int) -> Row | None:
    """Return a store's row of table ``stores``; None if there is no such store."""
    return reading.row("SELECT * FROM stores WHERE store_id = ?", [store_id])


def store_forecast(
    reading: Reading, store_id: int, origin: date, days: int | None = None
) -> list[Row]:
    """Return a store's forecasts for the first ``days`` days after an origin, ordered by day.

    Without ``days``, the forecasts are those of the origin's whole horizon.

    Returns:
        Rows of table ``forecasts`` with the columns ``is_promo, state_holiday, is_school_holiday``
        of table ``store_plan``. That plan is the newest one, also for a past origin. The three
        columns are NULL on days that the plan does not contain.
    """
    return reading.rows(
        """
        SELECT f.*, p.is_promo, p.state_holiday, p.is_school_holiday
        FROM forecasts AS f
        LEFT JOIN store_plan AS p ON p.store_id = f.store_id AND p.plan_date = f.target_date
        WHERE f.store_id = ? AND f.forecast_origin = ? AND (? IS NULL OR f.horizon_days <= ?)
        ORDER BY f.target_date
        """,
        [store_id, origin, days, days],
    )


def forecast_days(
    reading: Reading, origin: date, days: int, store_id: int | None = None
) -> pl.DataFrame:
    """Return the forecast days of a store or of all stores for download, by store and day.

    They include the deciles and the quantiles 2.5% and 97.5%.

    Args:
        reading: Access to the generation.
        origin: Forecast origin.
        days: Number of days after the origin.
        store_id: The store; None for all stores.
    """
    return reading.frame(
        """
        SELECT f.store_id, f.target_date, f.is_open, p.is_promo, p.state_holiday,
            p.is_school_holiday, f.sales_forecast, f.lower_80, f.upper_80, f.lower_95, f.upper_95,
            COLUMNS('^p[0-9_]+$'), f.plan_source, f.forecast_origin, f.model_version
        FROM forecast_quantiles AS f
        LEFT JOIN store_plan AS p ON p.store_id = f.store_id AND p.plan_date = f.target_date
        WHERE f.forecast_origin = $origin AND f.horizon_days <= $days
            AND ($store IS NULL OR f.store_id = $store)
        ORDER BY f.store_id, f.target_date
        """,
        {"origin": origin, "days": days, "store": store_id},
    )


def store_history(reading: Reading, store_id: int, days: int) -> list[Row]:
    """Return a store's rows of table ``daily_sales`` for the newest ``days`` days, ordered by day.

    The last of these days is the newest forecast origin. Sales are NULL on days that no file has a
    row for. Days before the store's first sales have no row.
    """
    return reading.rows(
        """
        SELECT * FROM daily_sales
        WHERE store_id = ? AND sales_date > ?::DATE - ?::INTEGER AND sales_date <= ?::DATE
        ORDER BY sales_date
        """,
        [store_id, reading.info.forecast_origin, days, reading.info.forecast_origin],
    )


def stores_side_by_side(reading: Reading, days: int) -> list[Row]:
    """Sum each store's newest forecasts over the first ``days`` days, to compare the stores.

    Returns:
        One row per store with a forecast: ``store_id, store_type, assortment``, ``state``
        (``unknown`` if it is not known), ``total`` and ``per_open_day`` (forecast in EUR),
        ``open_days``, ``promo_days`` (open days with a promotion), ``range_share`` (half the summed
        widths of the daily 80% intervals, divided by ``total``), ``last_year`` (sales in EUR on the
        days 364 days earlier) and ``change_on_last_year`` (``total / last_year - 1``). The last two
        are NULL if the sales of an earlier day are missing. A ratio with denominator 0 is NULL.
    """
    return reading.rows(
        """
        SELECT s.store_id, s.store_type, s.assortment, coalesce(s.state, 'unknown') AS state,
            sum(c.sales_forecast) AS total,
            count(*) FILTER (c.is_open) AS open_days,
            count(*) FILTER (c.is_open AND p.is_promo) AS promo_days,
            total / nullif(open_days, 0) AS per_open_day,
            sum(c.upper_80 - c.lower_80) / 2 / nullif(total, 0) AS range_share,
            CASE WHEN count(l.sales) = count(*)
                THEN total / nullif(sum(l.sales), 0) - 1 END AS change_on_last_year,
            CASE WHEN count(l.sales) = count(*) THEN sum(l.sales) END AS last_year
        FROM latest_forecasts AS c
        JOIN stores AS s USING (store_id)
        LEFT JOIN store_plan AS p
            ON p.store_id = c.store_id AND p.plan_date = c.target_date
        LEFT JOIN daily_sales AS l
            ON l.store_id = c.store_id AND l.sales_date = c.target_date - 364
        WHERE c.horizon_days <= ?
        GROUP BY s.store_id, s.store_type, s.assortment, s.state
        ORDER BY s.store_id
        """,
        [days],
    )


def model(reading: Reading, model_version: str) -> Row | None:
    """Return a model's row of table ``model_versions``; None if the version is unknown."""
    return reading.row("SELECT * FROM model_versions WHERE model_version = ?", [model_version])


def newest_promotion(reading: Reading, model_version: str) -> Row | None:
    """Return the newest row of table ``promotions`` that made this model the champion.

    The decision was to promote the model or to roll back to it. None is returned if the model was
    never the champion.
    """
    return reading.row(
        """
        SELECT * FROM promotions
        WHERE model_version = ? AND action IN ('promoted', 'rolled_back')
        ORDER BY promotion_id DESC LIMIT 1
        """,
        [model_version],
    )


def backtest(reading: Reading, model_version: str) -> list[Row]:
    """Return the backtest scores of a model and of the simpler models that it was compared with.

    There is one row per scored model and origin, newest origin first. Scored models are the blend,
    its members, the linear forecast and two baselines, all on the same store-days. The first rows
    are for all origins together; their origin is NULL.
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
