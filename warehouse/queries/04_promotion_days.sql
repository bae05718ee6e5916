-- How much higher is the forecast on promotion days than on other open days, by store type?
SELECT
    s.store_type,
    count(*) FILTER (WHERE p.is_promo) AS promo_store_days,
    round(avg(f.sales_forecast) FILTER (WHERE p.is_promo)) AS sales_on_promo_days,
    round(avg(f.sales_forecast) FILTER (WHERE NOT p.is_promo)) AS sales_on_other_days,
    round(
        avg(f.sales_forecast) FILTER (WHERE p.is_promo)
        / avg(f.sales_forecast) FILTER (WHERE NOT p.is_promo) - 1, 4
    ) AS more_on_promo_days
FROM latest_forecasts AS f
INNER JOIN store_plan AS p ON f.store_id = p.store_id AND f.target_date = p.plan_date
INNER JOIN stores AS s ON f.store_id = s.store_id
WHERE
    f.is_open
    -- promotions run from Monday to Friday, so weekends would distort the comparison
    AND isodow(f.target_date) <= 5
GROUP BY s.store_type
ORDER BY s.store_type;
