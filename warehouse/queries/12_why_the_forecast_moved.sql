-- Which causes changed the chain's forecast since the previous origin, on days that both forecast?
-- Means in EUR per store-day.
-- (empty until two origins have drivers of the same days)
SELECT
    forecast_origin,
    previous_origin,
    count(*) AS store_days,
    bool_and(is_same_model) AS is_same_model,
    round(avg(change), 2) AS change,
    round(avg(level_change_eur), 2) AS typical_day,
    round(avg(weekday_change_eur), 2) AS weekday,
    round(avg(promo_change_eur), 2) AS promo,
    round(avg(holidays_change_eur), 2) AS holidays,
    round(avg(season_change_eur), 2) AS season,
    round(avg(trend_change_eur), 2) AS trend,
    round(avg(competition_change_eur), 2) AS competition,
    round(avg(bias_factor_change_eur), 2) AS bias_factor
FROM forecast_driver_changes
GROUP BY forecast_origin, previous_origin
ORDER BY forecast_origin DESC;
