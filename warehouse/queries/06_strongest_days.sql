-- On which days will the chain sell most?
WITH factor AS (
    -- from sums of daily forecasts to unbiased totals; the same for all totals of an origin
    SELECT max_by(t.sales_unbiased / t.sales_forecast, t.days) AS unbiased_factor
    FROM forecast_horizon_totals AS t
    WHERE
        t.level = 'chain'
        AND t.sales_forecast > 0
        AND t.forecast_origin = (SELECT info.forecast_origin FROM generation_info AS info)
)

SELECT
    f.target_date,
    strftime(f.target_date, '%a') AS weekday,
    count(*) FILTER (WHERE f.is_open) AS stores_open,
    count(*) FILTER (WHERE p.is_promo) AS stores_with_promo,
    round(sum(f.sales_forecast * factor.unbiased_factor)) AS sales_expected
FROM latest_forecasts AS f
CROSS JOIN factor
LEFT JOIN store_plan AS p ON f.store_id = p.store_id AND f.target_date = p.plan_date
GROUP BY f.target_date
ORDER BY sales_expected DESC, f.target_date
LIMIT 10;
