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


def unbiased_factor(reading: Reading, origin: date) -> float:
    """Return the factor that turns sums of an origin's daily forecasts into unbiased totals.

    It is the same for all totals of an origin. Use it for totals that no table has, such as those
    of some stores or of ten days. It is 1 for an origin without any open day.
    """
    row = reading.row(
        """
        SELECT max_by(sales_unbiased / sales_forecast, days) AS factor
        FROM forecast_horizon_totals
        WHERE level = 'chain' AND forecast_origin = ? AND sales_forecast > 0
        """,
        [origin],
    )
    return 1.0 if row is None or row["factor"] is None else float(row["factor"])


def horizon_total(
    reading: Reading, level: str, segment: str, origin: date, days: int
) -> Row | None:
    """Return a segment's row of ``forecast_horizon_totals``: unbiased total and its intervals.

    Args:
        reading: Access to the generation.
        level: Level of the segment, for example ``state``.
        segment: The segment, for example ``HE``; ``all`` for the chain.
        origin: Forecast origin.
        days: Number of days after the origin.

    Returns:
        The row; None if the generation has no total of this segment for this number of days, or the
        total has no interval.
    """
    return reading.row(
        """
        FROM forecast_horizon_totals
        WHERE level = ? AND segment = ? AND forecast_origin = ? AND days = ?
            AND lower_80 IS NOT NULL
        """,
        [level, segment, origin, days],
    )


def stores_side_by_side(reading: Reading, days: int) -> list[Row]:
    """Add up each store's newest forecasts over the first ``days`` days, to compare the stores.

    Returns:
        One row per store with a forecast: ``store_id, store_type, assortment``, ``state``
        (``unknown`` if it is not known), ``sales_unbiased`` (unbiased total in EUR), ``lower_80``
        and ``upper_80`` (bounds of this total; NULL if the generation has none for this number of
        days), ``per_open_day`` (``sales_unbiased / open_days``), ``open_days``, ``promo_days``
        (open days with a promotion), and ``range_share`` (half the summed widths of the daily 80%
        intervals, divided by the sum of the daily forecasts).

        The comparison with last year covers the days that are open now and had sales 364 days
        earlier: ``compared_days`` (their number), ``compared`` (their unbiased total in EUR),
        ``last_year`` (sales in EUR on the days 364 days earlier), and ``change_on_last_year``
        (``compared / last_year - 1``). The last three are NULL without such a day. A ratio with
        denominator 0 is NULL.
    """
    origin = reading.info.forecast_origin
    return reading.rows(
        """
        WITH days AS (
            SELECT f.*, p.is_promo, if(f.is_open AND l.is_open AND l.sales > 0, l.sales, NULL)
                AS last_year
            FROM latest_forecasts AS f
            LEFT JOIN store_plan AS p
                ON p.store_id = f.store_id AND p.plan_date = f.target_date
            LEFT JOIN daily_sales AS l
                ON l.store_id = f.store_id AND l.sales_date = f.target_date - 364
            WHERE f.horizon_days <= $days
        ), sums AS (
            SELECT store_id, sum(sales_forecast) AS day_sum,
                count(*) FILTER (is_open) AS open_days,
                count(*) FILTER (is_open AND is_promo) AS promo_days,
                sum(upper_80 - lower_80) / 2 / nullif(day_sum, 0) AS range_share,
                count(last_year) AS compared_days,
                sum(sales_forecast) FILTER (last_year IS NOT NULL) * $factor AS compared,
                sum(last_year) AS last_year
            FROM days GROUP BY store_id
        )
        SELECT s.store_id, s.store_type, s.assortment, coalesce(s.state, 'unknown') AS state,
            coalesce(t.sales_unbiased, n.day_sum * $factor) AS sales_unbiased,
            t.lower_80, t.upper_80,
            coalesce(t.sales_unbiased, n.day_sum * $factor) / nullif(n.open_days, 0)
                AS per_open_day,
            n.open_days, n.promo_days, n.range_share, n.compared_days, n.compared, n.last_year,
            n.compared / n.last_year - 1 AS change_on_last_year
        FROM sums AS n
        JOIN stores AS s USING (store_id)
        LEFT JOIN forecast_horizon_totals AS t
            ON t.level = 'store' AND t.segment = n.store_id::VARCHAR
            AND t.forecast_origin = $origin AND t.days = $days
        ORDER BY s.store_id
        """,
        {"days": days, "origin": origin, "factor": unbiased_factor(reading, origin)},
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
