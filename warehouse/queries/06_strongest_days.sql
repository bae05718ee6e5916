-- On which days will the chain sell most?
SELECT
    f.target_date,
    strftime(f.target_date, '%a') AS weekday,
    count(*) FILTER (WHERE f.is_open) AS stores_open,
    count(*) FILTER (WHERE p.is_promo) AS stores_with_promo,
    round(sum(f.sales_forecast)) AS sales_forecast
FROM latest_forecasts AS f
LEFT JOIN store_plan AS p ON f.store_id = p.store_id AND f.target_date = p.plan_date
GROUP BY f.target_date
ORDER BY sum(f.sales_forecast) DESC, f.target_date
LIMIT 10;
