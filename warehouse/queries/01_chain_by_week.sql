-- What will the whole chain sell in each of the coming weeks?
SELECT
    week_start,
    days,
    round(sales_unbiased) AS sales_to_plan_with,
    round(lower_80) AS lower_80,
    round(upper_80) AS upper_80,
    round(sales_unbiased / days) AS sales_per_day,
    -- lower, because each daily forecast minimises the error in percent
    round(sales_forecast) AS sum_of_daily_forecasts
FROM forecast_totals
WHERE
    level = 'chain'
    AND forecast_origin = (SELECT info.forecast_origin FROM generation_info AS info)
ORDER BY week_start;
