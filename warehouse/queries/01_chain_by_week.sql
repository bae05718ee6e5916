-- What will the whole chain sell in each of the coming weeks?
SELECT
    week_start,
    days,
    round(sales_forecast) AS sales_forecast,
    round(sales_unbiased) AS sales_to_plan_with,
    round(lower_80) AS lower_80,
    round(upper_80) AS upper_80,
    round(sales_forecast / days) AS sales_per_day
FROM forecast_totals
WHERE
    level = 'chain'
    AND forecast_origin = (SELECT info.forecast_origin FROM generation_info AS info)
ORDER BY week_start;
