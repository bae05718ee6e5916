-- Drift measures of data, forecasts and errors, with the threshold of each.
CREATE SCHEMA IF NOT EXISTS monitoring;

CREATE TABLE IF NOT EXISTS monitoring.drift_metrics (
    run_id VARCHAR NOT NULL,
    forecast_origin DATE NOT NULL,
    kind VARCHAR NOT NULL,           -- plan | features | sales | forecasts | performance
    feature VARCHAR NOT NULL,
    method VARCHAR NOT NULL,         -- jensenshannon | wasserstein | robust_z | share | mape | bias
    value DOUBLE NOT NULL,
    threshold DOUBLE NOT NULL,
    is_drifted BOOLEAN NOT NULL,     -- value >= threshold
    reference_from DATE,             -- NULL for a measure without a reference window
    reference_to DATE,
    current_from DATE NOT NULL,
    current_to DATE NOT NULL,
    detail VARCHAR,                  -- the largest change, in words
    computed_at TIMESTAMP NOT NULL,
    PRIMARY KEY (forecast_origin, kind, feature)
);
