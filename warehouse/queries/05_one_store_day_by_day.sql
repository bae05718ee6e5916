-- What will one store sell day by day, how certain is that, and what is planned? (here store 1)
SELECT
    f.target_date,
    strftime(f.target_date, '%a') AS weekday,
    f.is_open,
    p.is_promo,
    p.state_holiday,
    p.is_school_holiday,
    round(f.sales_forecast) AS sales_forecast,
    round(f.lower_80) AS lower_80,
    round(f.upper_80) AS upper_80,
    f.plan_source
FROM latest_forecasts AS f
LEFT JOIN store_plan AS p ON f.store_id = p.store_id AND f.target_date = p.plan_date
WHERE f.store_id = 1
ORDER BY f.target_date;
