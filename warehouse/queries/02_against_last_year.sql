-- How do the coming weeks compare with the same weekdays a year ago?
WITH days AS (
    SELECT
        date_trunc('week', f.target_date)::DATE AS week_start,
        f.sales_forecast,
        s.sales AS sales_last_year
    FROM latest_forecasts AS f
    -- 364 days are 52 weeks; store-days without sales of that day are left out of both sums
    INNER JOIN daily_sales AS s
        ON f.store_id = s.store_id AND s.sales_date = f.target_date - 364
    WHERE s.sales IS NOT NULL
)

SELECT
    week_start,
    count(*) AS store_days_compared,
    round(sum(sales_forecast)) AS sales_forecast,
    round(sum(sales_last_year)) AS sales_last_year,
    round(sum(sales_forecast) / nullif(sum(sales_last_year), 0) - 1, 4) AS change_share
FROM days
GROUP BY week_start
ORDER BY week_start;
