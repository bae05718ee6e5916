-- Which stores' forecasts changed most since the previous origin, so that orders need a review?
-- (empty until two origins have forecast the same days)
SELECT
    store_id,
    previous_origin,
    count(*) AS days,
    round(sum(previous_forecast)) AS previous_forecast,
    round(sum(sales_forecast)) AS sales_forecast,
    round(sum(change)) AS change,
    round(sum(change) / nullif(sum(previous_forecast), 0), 4) AS change_share
FROM forecast_revisions
WHERE forecast_origin = (SELECT info.forecast_origin FROM generation_info AS info)
GROUP BY store_id, previous_origin
ORDER BY abs(sum(change)) DESC, store_id
LIMIT 20;
