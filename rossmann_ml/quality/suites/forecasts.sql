-- Grain: one row per store-day at the newest forecast origin.
-- The columns after store_level_ratio are figures of all forecasts and repeat on every row.
WITH origin AS (
    SELECT max(forecast_origin) AS forecast_origin
    FROM forecasting.forecasts
),
forecasts AS (
    SELECT made.*, made.target_date - made.forecast_origin AS days_after_origin
    FROM forecasting.forecasts AS made
    INNER JOIN origin ON origin.forecast_origin = made.forecast_origin
),
recent AS (
    SELECT daily.store_id, avg(daily.sales) AS daily_sales
    FROM core.fct_daily_sales AS daily, origin
    WHERE daily.is_open AND daily.sales > 0
        AND daily.sales_date > origin.forecast_origin - 56
        AND daily.sales_date <= origin.forecast_origin
    GROUP BY daily.store_id
    -- fewer days say little about a store's level
    HAVING count(*) >= 14
),
forecast_levels AS (
    SELECT store_id, avg(sales_forecast) AS daily_sales
    FROM forecasts
    WHERE is_open
    GROUP BY store_id
),
levels AS (
    SELECT
        forecast_levels.store_id,
        forecast_levels.daily_sales / recent.daily_sales AS ratio,
        sum(forecast_levels.daily_sales) OVER () / sum(recent.daily_sales) OVER () AS chain_ratio
    FROM forecast_levels
    INNER JOIN recent ON recent.store_id = forecast_levels.store_id
),
planned AS (
    SELECT plan_days.store_id, plan_days.plan_date, plan_days.is_open
    FROM core.horizon_plan AS plan_days
    INNER JOIN origin ON origin.forecast_origin = plan_days.forecast_origin
    WHERE plan_days.plan_date - plan_days.forecast_origin <= $horizon_days
),
unforecast AS (
    SELECT count(*) AS store_days
    FROM planned
    ANTI JOIN forecasts
        ON forecasts.store_id = planned.store_id AND forecasts.target_date = planned.plan_date
),
contradicted AS (
    SELECT count(*) AS store_days
    FROM planned
    INNER JOIN forecasts
        ON forecasts.store_id = planned.store_id AND forecasts.target_date = planned.plan_date
    WHERE forecasts.is_open <> planned.is_open
),
crossing AS (
    -- log errors below that of the level before, of days and of totals
    SELECT count(*) FILTER (step < 0) AS levels
    FROM (
        SELECT errors.log_error - lag(errors.log_error) OVER (
            PARTITION BY errors.shape ORDER BY errors.level
        ) AS step
        FROM forecasting.error_quantiles AS errors
        INNER JOIN origin ON origin.forecast_origin = errors.forecast_origin
    )
),
unseen AS (
    SELECT
        forecast_origin,
        store_id,
        'store ' || store_id || ': '
            || string_agg(feature || ' ' || value, ', ' ORDER BY feature) AS text
    FROM forecasting.unseen_categories
    GROUP BY forecast_origin, store_id
)
SELECT
    forecasts.store_id,
    forecasts.target_date,
    unseen.text AS unseen_category,
    forecasts.horizon_days::BIGINT AS horizon_days,
    forecasts.days_after_origin,
    greatest(1 - forecasts.horizon_days, forecasts.horizon_days - $horizon_days, 0)::BIGINT
        AS days_outside_horizon,
    forecasts.sales_forecast,
    forecasts.lower_80,
    forecasts.upper_80,
    forecasts.lower_95,
    forecasts.upper_95,
    forecasts.sales_median,
    forecasts.error_scale,
    crossing.levels AS levels_that_cross,
    forecasts.model_version,
    CASE WHEN forecasts.is_open THEN forecasts.sales_forecast END AS forecast_when_open,
    CASE WHEN NOT forecasts.is_open THEN greatest(
        forecasts.sales_forecast,
        forecasts.lower_80,
        forecasts.upper_80,
        forecasts.lower_95,
        forecasts.upper_95,
        forecasts.sales_median
    ) END AS largest_value_when_closed,
    $horizon_days - count(DISTINCT CASE
        WHEN forecasts.days_after_origin BETWEEN 1 AND $horizon_days THEN forecasts.target_date
    END) OVER (PARTITION BY forecasts.store_id) AS missing_days_of_store,
    -- missing for stores without a recent level
    levels.ratio AS store_level_ratio,
    -- 1 while no store has a recent level
    coalesce(max(levels.chain_ratio) OVER (), 1) AS chain_level_ratio,
    unforecast.store_days AS plan_days_without_forecast,
    contradicted.store_days AS days_that_contradict_the_plan
FROM forecasts
LEFT JOIN levels ON levels.store_id = forecasts.store_id
LEFT JOIN unseen
    ON unseen.forecast_origin = forecasts.forecast_origin AND unseen.store_id = forecasts.store_id
CROSS JOIN unforecast
CROSS JOIN contradicted
CROSS JOIN crossing
