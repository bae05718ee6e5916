-- Which stores' forecasts changed most since the previous origin, so that orders need a review?
-- (empty until two origins have forecast the same days)
WITH factors AS (
    -- from sums of daily forecasts to unbiased totals; the same for all totals of an origin
    SELECT
        t.forecast_origin,
        max_by(t.sales_unbiased / t.sales_forecast, t.days) AS unbiased_factor
    FROM forecast_horizon_totals AS t
    WHERE t.level = 'chain' AND t.sales_forecast > 0
    GROUP BY t.forecast_origin
),

totals AS (
    SELECT
        r.store_id,
        r.previous_origin,
        count(*) AS days,
        sum(r.previous_forecast) * any_value(older.unbiased_factor) AS previous_total,
        sum(r.sales_forecast) * any_value(newer.unbiased_factor) AS total
    FROM forecast_revisions AS r
    INNER JOIN factors AS newer ON r.forecast_origin = newer.forecast_origin
    INNER JOIN factors AS older ON r.previous_origin = older.forecast_origin
    WHERE r.forecast_origin = (SELECT info.forecast_origin FROM generation_info AS info)
    GROUP BY r.store_id, r.previous_origin
)

SELECT
    store_id,
    previous_origin,
    days,
    round(previous_total) AS previous_total,
    round(total) AS total,
    round(total - previous_total) AS change,
    round(total / nullif(previous_total, 0) - 1, 4) AS change_share
FROM totals
ORDER BY abs(total - previous_total) DESC, store_id
LIMIT 20;
