-- Which causes raise or lower a store's forecast? (EUR, relative to a typical day; here store 1)
SELECT
    d.target_date,
    strftime(d.target_date, '%a') AS weekday_name,
    round(f.sales_forecast) AS sales_forecast,
    round(d.level_eur) AS typical_day,
    round(d.weekday_eur) AS weekday,
    round(d.promo_eur) AS promo,
    round(d.holidays_eur) AS holidays,
    round(d.season_eur) AS season,
    round(d.trend_eur) AS trend,
    round(d.competition_eur) AS competition,
    round(d.bias_factor_eur) AS bias_factor
FROM forecast_drivers AS d
JOIN latest_forecasts AS f USING (forecast_origin, store_id, target_date)
WHERE d.store_id = 1
ORDER BY d.target_date;
