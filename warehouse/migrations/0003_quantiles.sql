-- Forecasts gain what quantiles of any level are computed from. Forecasts made before have none.
ALTER TABLE forecasting.forecasts ADD COLUMN sales_median DOUBLE;
ALTER TABLE forecasting.forecasts ADD COLUMN error_scale DOUBLE;
ALTER TABLE forecasting.forecast_history ADD COLUMN sales_median DOUBLE;
ALTER TABLE forecasting.forecast_history ADD COLUMN error_scale DOUBLE;
ALTER TABLE forecasting.shadow_forecasts ADD COLUMN sales_median DOUBLE;
ALTER TABLE forecasting.shadow_forecasts ADD COLUMN error_scale DOUBLE;
ALTER TABLE forecasting.total_intervals ADD COLUMN error_scale DOUBLE;
ALTER TABLE forecasting.total_intervals ADD COLUMN error_shape VARCHAR;
