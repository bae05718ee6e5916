-- Accuracy is quoted as the median over origins, and skill follows from it; both follow from the
-- rows that are kept.
ALTER TABLE forecasting.backtest_scores ADD COLUMN IF NOT EXISTS rmspe_median DOUBLE;
UPDATE forecasting.backtest_scores AS scores
SET rmspe_median = CASE WHEN scores.forecast_origin IS NULL THEN own.rmspe ELSE scores.rmspe END
FROM (
    SELECT
        model_version,
        model,
        segment_kind,
        segment,
        median(rmspe) FILTER (WHERE forecast_origin IS NOT NULL) AS rmspe
    FROM forecasting.backtest_scores
    GROUP BY ALL
) AS own
WHERE
    scores.rmspe_median IS NULL
    AND scores.model_version = own.model_version
    AND scores.model = own.model
    AND scores.segment_kind = own.segment_kind
    AND scores.segment = own.segment;
ALTER TABLE forecasting.model_versions ADD COLUMN IF NOT EXISTS rmspe_median DOUBLE;
UPDATE forecasting.model_versions AS versions
SET rmspe_median = scores.rmspe_median
FROM forecasting.backtest_scores AS scores
WHERE
    versions.rmspe_median IS NULL
    AND versions.model_version = scores.model_version
    AND versions.family = scores.model
    AND scores.segment_kind = 'overall'
    AND scores.forecast_origin IS NULL;
UPDATE forecasting.backtest_scores AS scores
SET skill = 1 - scores.rmspe_median / naive.rmspe_median
FROM forecasting.backtest_scores AS naive
WHERE
    scores.forecast_origin IS NULL
    AND naive.forecast_origin IS NULL
    AND naive.model = 'seasonal_naive'
    AND scores.model_version = naive.model_version
    AND scores.segment_kind = naive.segment_kind
    AND scores.segment = naive.segment;
