-- For which stores does the forecast per open day differ most from their last six weeks?
WITH newest AS (
    SELECT max(forecast_origin) AS forecast_origin FROM forecasts
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
        store_id,
        avg(sales_forecast) AS forecast_per_open_day
    FROM latest_forecasts
    WHERE is_open
    GROUP BY store_id
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
