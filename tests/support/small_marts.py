"""Build the marts of the small warehouse without dbt, with the columns of the contract."""

from __future__ import annotations

from string import Template

import duckdb

from rossmann_ml.features.driver_groups import PARTS

_TOTALS_OF_DAYS = """count(*) FILTER (is_open) AS open_store_days,
        sum(sales_forecast) AS sales_forecast,
        sum(sales_forecast) * 1.02 AS sales_unbiased,
        sum(sales_forecast) * 0.9 AS lower_80, sum(sales_forecast) * 1.1 AS upper_80,
        sum(sales_forecast) * 0.8 AS lower_95, sum(sales_forecast) * 1.2 AS upper_95,
        0.03 * max(is_open::INTEGER) AS error_scale,
        if(bool_or(is_open), min(if(level = 'store', 'store 2', 'group 5')), NULL) AS error_shape
    FROM (
        SELECT *, 'chain' AS level, 'all' AS segment FROM days
        UNION ALL BY NAME SELECT *, 'store_type' AS level, store_type AS segment FROM days
        UNION ALL BY NAME SELECT *, 'assortment' AS level, assortment AS segment FROM days
        UNION ALL BY NAME SELECT *, 'state' AS level, state AS segment FROM days
        UNION ALL BY NAME SELECT *, 'store' AS level, store_id::VARCHAR AS segment FROM days
    ) GROUP BY ALL"""
_MARTS = Template("""
CREATE SCHEMA IF NOT EXISTS marts;
CREATE OR REPLACE TABLE marts.stores AS
    SELECT store AS store_id, store_type, assortment,
        competition_distance AS competition_distance_m,
        make_date(competition_open_since_year, competition_open_since_month, 1)
            AS competition_open_since,
        promo2 = 1 AS has_promo2, NULL::DATE AS promo2_since, NULL::VARCHAR AS promo2_months,
        (SELECT any_value(state) FROM raw.store_states AS t WHERE t.store = s.store) AS state,
        (SELECT min(date) FROM raw.sales AS t WHERE t.store = s.store) AS first_sales_date,
        (SELECT max(date) FROM raw.sales AS t WHERE t.store = s.store) AS last_sales_date,
        (SELECT count(*) FROM raw.sales AS t WHERE t.store = s.store) AS observed_days,
        store IN (SELECT store_id FROM forecasting.forecasts) AS is_forecast,
        (SELECT any_value(reason) FROM forecasting.stores_not_forecast AS t
            WHERE t.store_id = s.store) AS not_forecast_reason
    FROM raw.stores AS s;
CREATE OR REPLACE TABLE marts.daily_sales AS
    SELECT store AS store_id, date AS sales_date, sales, customers, open = 1 AS is_open,
        promo = 1 AS is_promo, state_holiday, school_holiday = 1 AS is_school_holiday,
        true AS is_observed
    FROM raw.sales WHERE NOT (store = 2 AND date = DATE '2015-02-02')
    UNION ALL SELECT 2, DATE '2015-02-02', NULL, NULL, NULL, NULL, NULL, NULL, false;
CREATE OR REPLACE TABLE marts.store_plan AS
    SELECT store AS store_id, date AS plan_date, open = 1 AS is_open, promo = 1 AS is_promo,
        state_holiday, school_holiday = 1 AS is_school_holiday, 'actual' AS plan_source
    FROM raw.sales
    UNION ALL
    SELECT store, date, open = 1, promo = 1, state_holiday, school_holiday = 1, 'planned'
    FROM raw.plan WHERE date > (SELECT max(date) FROM raw.sales);
CREATE OR REPLACE TABLE marts.forecast_totals AS
    WITH days AS (
        SELECT f.*, s.store_type, s.assortment, coalesce(s.state, 'unknown') AS state,
            date_trunc('week', target_date)::DATE AS week_start
        FROM forecasting.forecasts AS f JOIN marts.stores AS s USING (store_id)
    )
    SELECT forecast_origin, level, segment, week_start,
        count(DISTINCT target_date) AS days, count(*) AS store_days,
        $totals_of_days;
CREATE OR REPLACE TABLE marts.forecast_horizon_totals AS
    WITH days AS (
        SELECT f.*, s.store_type, s.assortment, coalesce(s.state, 'unknown') AS state, n.days
        FROM forecasting.forecasts AS f JOIN marts.stores AS s USING (store_id)
        JOIN unnest([7, 14, 28, 42]) AS n(days) ON f.horizon_days <= n.days
    )
    SELECT forecast_origin, level, segment, days, forecast_origin + days AS last_date,
        count(*) AS store_days,
        $totals_of_days;
CREATE OR REPLACE TABLE marts.forecast_revisions AS
    SELECT store_id, target_date, forecast_origin,
        lag(forecast_origin) OVER w AS previous_origin, sales_forecast,
        lag(sales_forecast) OVER w AS previous_forecast,
        sales_forecast - previous_forecast AS change,
        change / nullif(previous_forecast, 0) AS change_share
    FROM forecasting.forecasts
    WINDOW w AS (PARTITION BY store_id, target_date ORDER BY forecast_origin)
    QUALIFY previous_origin IS NOT NULL;
CREATE OR REPLACE TABLE marts.forecast_driver_changes AS
    WITH changes AS (
        SELECT r.store_id, r.target_date, r.forecast_origin, r.previous_origin,
            newer.model_version = older.model_version AS is_same_model, r.change,
            $changes
        FROM marts.forecast_revisions AS r
        JOIN forecasting.forecast_drivers AS newer USING (forecast_origin, store_id, target_date)
        JOIN forecasting.forecast_drivers AS older
            ON older.forecast_origin = r.previous_origin AND older.store_id = r.store_id
            AND older.target_date = r.target_date
    )
    SELECT *, $total AS change_log FROM changes;
CREATE OR REPLACE TABLE marts.forecast_accuracy AS
    WITH judged AS (
        SELECT f.*, d.sales, (sales_forecast - d.sales) / d.sales AS error
        FROM forecasting.forecasts AS f
        JOIN marts.daily_sales AS d ON d.store_id = f.store_id AND d.sales_date = f.target_date
        WHERE d.is_open AND d.sales > 0
    )
    SELECT forecast_origin, forecast_kind, model_version, segment_kind, segment,
        count(*) AS store_days,
        count(DISTINCT target_date) AS days, min(target_date) AS first_target_date,
        max(target_date) AS last_target_date,
        sqrt(avg(error * error)) AS rmspe, rmspe AS rolling_rmspe, avg(abs(error)) AS mape,
        sum(sales_forecast) / sum(sales) - 1 AS bias,
        if(any_value(forecast_kind) = 'shadow', NULL, 1.02 * (bias + 1) - 1) AS total_bias,
        avg((sales BETWEEN lower_80 AND upper_80)::INTEGER) AS coverage_80,
        avg((sales BETWEEN lower_95 AND upper_95)::INTEGER) AS coverage_95,
        0.2 AS rmspe_seasonal_naive, 1 - rmspe / 0.2 AS skill, 0.115 AS backtest_rmspe,
        0.54 AS backtest_skill, 0.81 AS backtest_coverage_80, 0.95 AS backtest_coverage_95
    FROM (
        SELECT *, 'served' AS forecast_kind, 'overall' AS segment_kind, 'all' AS segment FROM judged
        UNION ALL BY NAME
        SELECT *, 'shadow' AS forecast_kind, 'overall' AS segment_kind, 'all' AS segment
        FROM judged WHERE forecast_origin = DATE '2015-07-24'
        UNION ALL BY NAME
        SELECT *, 'served' AS forecast_kind, 'horizon_week' AS segment_kind,
            ((horizon_days - 1) // 7 + 1)::VARCHAR AS segment FROM judged
    ) GROUP BY ALL;
CREATE OR REPLACE TABLE marts.forecast_worst_days AS
    WITH errors AS (
        SELECT f.*, d.sales, d.is_open AS is_open_actual, d.is_promo AS is_promo_actual,
            d.state_holiday, sales_forecast - d.sales AS error_eur,
            sales_forecast / d.sales - 1 AS relative_error
        FROM forecasting.forecasts AS f
        JOIN marts.daily_sales AS d ON d.store_id = f.store_id AND d.sales_date = f.target_date
        WHERE d.is_open AND forecast_origin = DATE '2015-07-24'
    )
    SELECT ranked_by, row_number() OVER (
            PARTITION BY ranked_by ORDER BY abs(error_eur) DESC, store_id, target_date
        )::INTEGER AS place,
        store_id, target_date, forecast_origin, horizon_days, model_version,
        is_open AS is_open_planned, is_open_actual, is_promo_actual AS is_promo_planned,
        is_promo_actual, state_holiday, sales_forecast, lower_95, upper_95, sales, error_eur,
        relative_error, if(store_id = 1, 'refurbishment', 'unknown') AS reason,
        if(store_id = 1, DATE '2015-07-10', NULL) AS closure_first_date,
        if(store_id = 1, DATE '2015-07-20', NULL) AS closure_last_date
    FROM errors CROSS JOIN (VALUES ('relative'), ('eur')) AS r(ranked_by)
    QUALIFY place <= 10;
CREATE OR REPLACE TABLE marts.api_usage AS
    SELECT DATE '2015-08-02' + day::INTEGER AS usage_date, path, 10 * (day + 1) AS requests,
        1.5 AS latency_p50_ms, 40.0 AS latency_p99_ms, requests - 3 AS answered,
        2::BIGINT AS client_errors, 1::BIGINT AS server_errors, 4::BIGINT AS stores_asked,
        1::BIGINT AS what_if_requests,
        CASE WHEN path = 'all' THEN 5::BIGINT END AS unrecorded_requests
    FROM range(2) AS d(day) CROSS JOIN (VALUES ('all'), ('/stores/{store_id}')) AS p(path);
CREATE OR REPLACE TABLE marts.plan_filling_accuracy AS
    SELECT plan_column, 'default' AS rule, 1 AS horizon_week, 2000 AS store_days,
        store_days_right, DATE '2014-08-29' AS first_origin, DATE '2015-06-05' AS last_origin
    FROM (VALUES ('is_open', 1996), ('is_promo', 1600), ('state_holiday', 2000))
        AS r(plan_column, store_days_right);
CREATE OR REPLACE TABLE marts.quarantined_rows AS SELECT * FROM raw.quarantined_rows;
""").substitute(
    changes=", ".join(
        f"newer.{part}_{unit} - older.{part}_{unit} AS {part}_change_{unit}"
        for part in PARTS
        for unit in ("log", "eur")
    ),
    total=" + ".join(f"{part}_change_log" for part in PARTS),
    totals_of_days=_TOTALS_OF_DAYS,
)


def rebuild_marts(connection: duckdb.DuckDBPyConnection) -> None:
    """Rebuild all marts from the current tables, with the columns of the contract."""
    connection.execute(_MARTS)
