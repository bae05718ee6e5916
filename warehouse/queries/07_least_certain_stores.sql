-- For which stores is the forecast least certain, so that they need a larger reserve?
SELECT
    f.store_id,
    s.store_type,
    s.state,
    s.observed_days,
    round(avg(f.sales_forecast)) AS sales_per_open_day,
    -- width of the 80% interval as a share of the forecast
    round(sum(f.upper_80 - f.lower_80) / sum(f.sales_forecast), 4) AS width_80_share
FROM latest_forecasts AS f
INNER JOIN stores AS s ON f.store_id = s.store_id
WHERE f.is_open
GROUP BY ALL
HAVING sum(f.sales_forecast) > 0
ORDER BY width_80_share DESC, f.store_id
LIMIT 20;
