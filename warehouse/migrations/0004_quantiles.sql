-- Forecasts gain what quantiles of any level are computed from. Forecasts made before have none.
ALTER TABLE forecasting.forecasts ADD COLUMN IF NOT EXISTS sales_median DOUBLE;
ALTER TABLE forecasting.forecasts ADD COLUMN IF NOT EXISTS error_scale DOUBLE;
ALTER TABLE forecasting.forecast_history ADD COLUMN IF NOT EXISTS sales_median DOUBLE;
ALTER TABLE forecasting.forecast_history ADD COLUMN IF NOT EXISTS error_scale DOUBLE;
ALTER TABLE forecasting.shadow_forecasts ADD COLUMN IF NOT EXISTS sales_median DOUBLE;
ALTER TABLE forecasting.shadow_forecasts ADD COLUMN IF NOT EXISTS error_scale DOUBLE;
ALTER TABLE forecasting.total_intervals ADD COLUMN IF NOT EXISTS error_scale DOUBLE;
ALTER TABLE forecasting.total_intervals ADD COLUMN IF NOT EXISTS error_shape VARCHAR;
