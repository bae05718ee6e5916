-- Backtest scores gain origins, WAPE, bounds and scores of ranges. What cannot be computed from the
-- stored metrics stays NULL.
ALTER TABLE forecasting.backtest_scores ADD COLUMN IF NOT EXISTS origins BIGINT;
ALTER TABLE forecasting.backtest_scores ADD COLUMN IF NOT EXISTS interval_origins BIGINT;
ALTER TABLE forecasting.backtest_scores ADD COLUMN IF NOT EXISTS wape DOUBLE;
ALTER TABLE forecasting.backtest_scores ADD COLUMN IF NOT EXISTS rmspe_lower DOUBLE;
ALTER TABLE forecasting.backtest_scores ADD COLUMN IF NOT EXISTS rmspe_upper DOUBLE;
ALTER TABLE forecasting.backtest_scores ADD COLUMN IF NOT EXISTS rmspe_median_lower DOUBLE;
ALTER TABLE forecasting.backtest_scores ADD COLUMN IF NOT EXISTS rmspe_median_upper DOUBLE;
ALTER TABLE forecasting.backtest_scores ADD COLUMN IF NOT EXISTS bias_lower DOUBLE;
ALTER TABLE forecasting.backtest_scores ADD COLUMN IF NOT EXISTS bias_upper DOUBLE;
ALTER TABLE forecasting.backtest_scores ADD COLUMN IF NOT EXISTS coverage_80_lower DOUBLE;
ALTER TABLE forecasting.backtest_scores ADD COLUMN IF NOT EXISTS coverage_80_upper DOUBLE;
ALTER TABLE forecasting.backtest_scores ADD COLUMN IF NOT EXISTS coverage_95_lower DOUBLE;
ALTER TABLE forecasting.backtest_scores ADD COLUMN IF NOT EXISTS coverage_95_upper DOUBLE;
ALTER TABLE forecasting.backtest_scores ADD COLUMN IF NOT EXISTS pinball DOUBLE;
ALTER TABLE forecasting.backtest_scores ADD COLUMN IF NOT EXISTS interval_score_80 DOUBLE;
ALTER TABLE forecasting.backtest_scores ADD COLUMN IF NOT EXISTS interval_score_95 DOUBLE;
UPDATE forecasting.backtest_scores AS scores SET
    origins = by_origin.origins,
    interval_origins = by_origin.interval_origins
FROM (
    SELECT
        model_version,
        model,
        segment_kind,
        segment,
        count(*) AS origins,
        count(coverage_80) AS interval_origins
    FROM forecasting.backtest_scores
    WHERE forecast_origin IS NOT NULL
    GROUP BY ALL
) AS by_origin
WHERE
    scores.model_version = by_origin.model_version
    AND scores.model = by_origin.model
    AND scores.segment_kind = by_origin.segment_kind
    AND scores.segment = by_origin.segment;
UPDATE forecasting.backtest_scores
SET origins = 1, interval_origins = (coverage_80 IS NOT NULL)::BIGINT
WHERE forecast_origin IS NOT NULL;
