-- How do the coming weeks compare with the same weekdays a year ago?
WITH factor AS (
    -- from sums of daily forecasts to unbiased totals; the same for all totals of an origin
    SELECT max_by(t.sales_unbiased / t.sales_forecast, t.days) AS unbiased_factor
    FROM forecast_horizon_totals AS t
    WHERE
        t.level = 'chain'
        AND t.sales_forecast > 0
        AND t.forecast_origin = (SELECT info.forecast_origin FROM generation_info AS info)
),

days AS (
    SELECT
        date_trunc('week', f.target_date)::DATE AS week_start,
        f.sales_forecast * factor.unbiased_factor AS sales_expected,
        s.sales AS sales_last_year
    FROM latest_forecasts AS f
    -- 364 days are 52 weeks; only store-days that are open in both years are compared
    INNER JOIN daily_sales AS s
        ON f.store_id = s.store_id AND s.sales_date = f.target_date - 364
    CROSS JOIN factor
    WHERE f.is_open AND s.is_open AND s.sales > 0
)

SELECT
    week_start,
    count(*) AS store_days_compared,
    round(sum(sales_expected)) AS sales_expected,
    round(sum(sales_last_year)) AS sales_last_year,
    round(sum(sales_expected) / sum(sales_last_year) - 1, 4) AS change_share
FROM days
GROUP BY week_start
ORDER BY week_start;
