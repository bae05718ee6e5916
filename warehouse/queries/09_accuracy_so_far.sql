-- How accurate were earlier forecasts, by horizon week?
-- (empty until forecast days have actual sales)
SELECT
    forecast_origin,
    segment::INTEGER AS weeks_ahead,
    store_days,
    round(rmspe, 4) AS rmspe,
    round(mape, 4) AS mape,
    round(bias, 4) AS bias,
    round(coverage_80, 3) AS coverage_80,
    round(coverage_95, 3) AS coverage_95,
    round(skill, 3) AS skill,
    round(backtest_rmspe, 4) AS backtest_rmspe
FROM forecast_accuracy
WHERE segment_kind = 'horizon_week' AND forecast_kind = 'served'
ORDER BY forecast_origin DESC, weeks_ahead;
