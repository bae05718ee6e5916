-- Which causes changed the chain's forecast since the previous origin, on days that both forecast?
-- (empty until two origins have drivers of the same days)
SELECT
    forecast_origin,
    previous_origin,
    count(*) AS store_days,
    bool_and(is_same_model) AS is_same_model,
    round(sum(change)) AS change,
    round(sum(level_change_eur)) AS typical_day,
    round(sum(weekday_change_eur)) AS weekday,
    round(sum(promo_change_eur)) AS promo,
    round(sum(holidays_change_eur)) AS holidays,
    round(sum(season_change_eur)) AS season,
    round(sum(trend_change_eur)) AS trend,
    round(sum(competition_change_eur)) AS competition,
    round(sum(bias_factor_change_eur)) AS bias_factor
FROM forecast_driver_changes
GROUP BY forecast_origin, previous_origin
ORDER BY forecast_origin DESC;
