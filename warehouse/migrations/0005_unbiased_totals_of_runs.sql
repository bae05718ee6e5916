-- Runs gain their unbiased total. It stays NULL for runs whose forecasts were replaced or taken back
-- before, because their factor is not known any more.
ALTER TABLE forecasting.forecast_runs ADD COLUMN IF NOT EXISTS total_sales_unbiased DOUBLE;
ALTER TABLE forecasting.runs_taken_back ADD COLUMN IF NOT EXISTS total_sales_unbiased DOUBLE;
UPDATE forecasting.forecast_runs AS runs SET total_sales_unbiased =
    total_sales_forecast * (
        SELECT max(intervals.unbiased_factor) FROM forecasting.total_intervals AS intervals
        WHERE intervals.run_id = runs.run_id AND intervals.level = 'chain'
    );
