-- For which stores does the forecast per open day differ most from their last six weeks?
WITH newest AS (
    -- the factor turns means and sums of daily forecasts into unbiased ones
    SELECT
        t.forecast_origin,
        max_by(t.sales_unbiased / t.sales_forecast, t.days) AS unbiased_factor
    FROM forecast_horizon_totals AS t
    WHERE
        t.level = 'chain'
        AND t.sales_forecast > 0
        AND t.forecast_origin = (SELECT info.forecast_origin FROM generation_info AS info)
    GROUP BY t.forecast_origin
),

recent AS (
    SELECT
        s.store_id,
        avg(s.sales) AS sales_per_open_day
    FROM daily_sales AS s
    CROSS JOIN newest
    WHERE s.sales > 0 AND s.sales_date > newest.forecast_origin - 42
    GROUP BY s.store_id
),

coming AS (
    SELECT
        f.store_id,
        avg(f.sales_forecast * newest.unbiased_factor) AS forecast_per_open_day
    FROM latest_forecasts AS f
    CROSS JOIN newest
    WHERE f.is_open
    GROUP BY f.store_id
)

SELECT
    stores.store_id,
    stores.store_type,
    stores.state,
    round(recent.sales_per_open_day) AS sales_per_open_day,
    round(coming.forecast_per_open_day) AS forecast_per_open_day,
    round(coming.forecast_per_open_day / recent.sales_per_open_day - 1, 4) AS change_share
FROM coming
INNER JOIN recent ON coming.store_id = recent.store_id
INNER JOIN stores ON coming.store_id = stores.store_id
ORDER BY abs(coming.forecast_per_open_day / recent.sales_per_open_day - 1) DESC, stores.store_id
LIMIT 20;
