-- Tables that training and scoring write. Keys and meanings: warehouse/README.md.
CREATE SCHEMA IF NOT EXISTS forecasting;

CREATE TABLE IF NOT EXISTS forecasting.forecasts (
    forecast_origin DATE NOT NULL,
    store_id INTEGER NOT NULL,
    target_date DATE NOT NULL,
    horizon_days INTEGER NOT NULL,
    is_open BOOLEAN NOT NULL,
    sales_forecast DOUBLE NOT NULL,
    lower_80 DOUBLE NOT NULL,
    upper_80 DOUBLE NOT NULL,
    lower_95 DOUBLE NOT NULL,
    upper_95 DOUBLE NOT NULL,
    model_version VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL,
    plan_source VARCHAR NOT NULL,    -- planned | actual | assumed | not_selling
    sales_median DOUBLE,             -- EUR; NULL like the next in forecasts of schema version 3
    error_scale DOUBLE,              -- log units; see error_quantiles
    PRIMARY KEY (forecast_origin, store_id, target_date)
);

-- Factors that turn the sum of a segment's daily forecasts into the unbiased total and its bounds.
-- Totals without an open store-day are 0 and have no row.
CREATE TABLE IF NOT EXISTS forecasting.total_intervals (
    forecast_origin DATE NOT NULL,
    level VARCHAR NOT NULL,          -- chain | store_type | assortment | state | store
    segment VARCHAR NOT NULL,
    first_date DATE NOT NULL,        -- first and last day of the total
    last_date DATE NOT NULL,
    unbiased_factor DOUBLE NOT NULL,
    lower_80_factor DOUBLE NOT NULL,
    upper_80_factor DOUBLE NOT NULL,
    lower_95_factor DOUBLE NOT NULL,
    upper_95_factor DOUBLE NOT NULL,
    run_id VARCHAR NOT NULL,
    error_scale DOUBLE,              -- log units; NULL like the next in forecasts of schema version 3
    error_shape VARCHAR,             -- shape in error_quantiles
    PRIMARY KEY (forecast_origin, level, segment, first_date, last_date)
);

-- Quantiles of errors: a quantile of sales is the median times exp(error_scale * log_error). The
-- median of a total is the unbiased total.
CREATE TABLE IF NOT EXISTS forecasting.error_quantiles (
    forecast_origin DATE NOT NULL,
    shape VARCHAR NOT NULL,          -- day, or the shape of a total's errors
    level DOUBLE NOT NULL,           -- probability with which sales are below the quantile
    log_error DOUBLE NOT NULL,
    run_id VARCHAR NOT NULL,
    PRIMARY KEY (forecast_origin, shape, level)
);

-- Mean departure of the day's open stores from the linear forecast, less the correction of the
-- chain's level, which is subtracted from the departure of each store (log units). A forecast of one
-- store with another plan needs it.
CREATE TABLE IF NOT EXISTS forecasting.mean_departures (
    forecast_origin DATE NOT NULL,
    target_date DATE NOT NULL,
    mean_departure DOUBLE NOT NULL,
    run_id VARCHAR NOT NULL,
    PRIMARY KEY (forecast_origin, target_date)
);

-- Rows of forecasts that a later run replaced at the same origin.
CREATE TABLE IF NOT EXISTS forecasting.forecast_history (
    forecast_origin DATE NOT NULL,
    store_id INTEGER NOT NULL,
    target_date DATE NOT NULL,
    horizon_days INTEGER NOT NULL,
    is_open BOOLEAN NOT NULL,
    sales_forecast DOUBLE NOT NULL,
    lower_80 DOUBLE NOT NULL,
    upper_80 DOUBLE NOT NULL,
    lower_95 DOUBLE NOT NULL,
    upper_95 DOUBLE NOT NULL,
    model_version VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL,
    plan_source VARCHAR NOT NULL,
    replaced_at TIMESTAMP NOT NULL,
    sales_median DOUBLE,             -- EUR; NULL like the next in forecasts of schema version 3
    error_scale DOUBLE               -- log units; see error_quantiles
);

-- Forecasts of a challenger, for comparison with the champion's; never served.
CREATE TABLE IF NOT EXISTS forecasting.shadow_forecasts (
    forecast_origin DATE NOT NULL,
    store_id INTEGER NOT NULL,
    target_date DATE NOT NULL,
    horizon_days INTEGER NOT NULL,
    is_open BOOLEAN NOT NULL,
    sales_forecast DOUBLE NOT NULL,
    lower_80 DOUBLE NOT NULL,
    upper_80 DOUBLE NOT NULL,
    lower_95 DOUBLE NOT NULL,
    upper_95 DOUBLE NOT NULL,
    model_version VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL,         -- the run of the champion's forecasts from the same panel
    plan_source VARCHAR NOT NULL,    -- planned | actual | assumed | not_selling
    sales_median DOUBLE,             -- EUR; NULL like the next in forecasts of schema version 3
    error_scale DOUBLE,              -- log units; see error_quantiles
    PRIMARY KEY (forecast_origin, store_id, target_date, model_version)
);

-- Contributions of causes to the forecast of an open day: those in log units add up to the log of
-- the forecast, those in EUR to the forecast.
CREATE TABLE IF NOT EXISTS forecasting.forecast_drivers (
    forecast_origin DATE NOT NULL,
    store_id INTEGER NOT NULL,
    target_date DATE NOT NULL,
    level_log DOUBLE NOT NULL,
    weekday_log DOUBLE NOT NULL,
    promo_log DOUBLE NOT NULL,
    holidays_log DOUBLE NOT NULL,
    season_log DOUBLE NOT NULL,
    trend_log DOUBLE NOT NULL,
    competition_log DOUBLE NOT NULL,
    bias_factor_log DOUBLE NOT NULL,
    level_eur DOUBLE NOT NULL,
    weekday_eur DOUBLE NOT NULL,
    promo_eur DOUBLE NOT NULL,
    holidays_eur DOUBLE NOT NULL,
    season_eur DOUBLE NOT NULL,
    trend_eur DOUBLE NOT NULL,
    competition_eur DOUBLE NOT NULL,
    bias_factor_eur DOUBLE NOT NULL,
    model_version VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL,         -- run that made the forecast
    PRIMARY KEY (forecast_origin, store_id, target_date)
);

CREATE TABLE IF NOT EXISTS forecasting.forecast_runs (
    run_id VARCHAR PRIMARY KEY,
    run_kind VARCHAR NOT NULL,       -- weekly | backfill
    forecast_origin DATE NOT NULL,
    known_by DATE NOT NULL,          -- rows that became known later are not used
    model_version VARCHAR NOT NULL,
    data_version VARCHAR NOT NULL,
    code_version VARCHAR NOT NULL,
    input_hash VARCHAR NOT NULL,     -- the same inputs are scored once
    git_commit VARCHAR NOT NULL,
    stores INTEGER NOT NULL,
    store_days INTEGER NOT NULL,
    assumed_store_days INTEGER NOT NULL,
    stores_not_forecast INTEGER NOT NULL,
    total_sales_forecast DOUBLE NOT NULL,
    started_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP NOT NULL,
    total_sales_unbiased DOUBLE      -- NULL for runs that were replaced before schema version 5
);

-- Runs whose forecasts were deleted, because they used a file that was replaced or withdrawn or their
-- origin is after the newest complete day.
CREATE TABLE IF NOT EXISTS forecasting.runs_taken_back (
    run_id VARCHAR PRIMARY KEY,
    run_kind VARCHAR NOT NULL,       -- weekly | backfill
    forecast_origin DATE NOT NULL,
    model_version VARCHAR NOT NULL,
    data_version VARCHAR NOT NULL,
    store_days INTEGER NOT NULL,
    total_sales_forecast DOUBLE NOT NULL,
    started_at TIMESTAMP NOT NULL,
    taken_back_at TIMESTAMP NOT NULL,
    reason VARCHAR NOT NULL,
    total_sales_unbiased DOUBLE      -- NULL as in forecast_runs
);

-- Stores without a forecast at an origin, with the reason.
CREATE TABLE IF NOT EXISTS forecasting.stores_not_forecast (
    forecast_origin DATE NOT NULL,
    store_id INTEGER NOT NULL,
    reason VARCHAR NOT NULL,
    PRIMARY KEY (forecast_origin, store_id)
);

-- Stores of an origin whose type, assortment or state is missing in the model's training data.
CREATE TABLE IF NOT EXISTS forecasting.unseen_categories (
    forecast_origin DATE NOT NULL,
    store_id INTEGER NOT NULL,
    feature VARCHAR NOT NULL,        -- store_type | assortment | state
    value VARCHAR NOT NULL,
    PRIMARY KEY (forecast_origin, store_id, feature)
);

CREATE TABLE IF NOT EXISTS forecasting.model_versions (
    model_version VARCHAR PRIMARY KEY,
    family VARCHAR NOT NULL,
    profile VARCHAR NOT NULL,        -- fast | full
    recipe_hash VARCHAR NOT NULL,    -- features, members, parameters, blend; not the data
    recipe VARCHAR NOT NULL,         -- JSON: fingerprints of features and of each member
    blend_weights VARCHAR NOT NULL,  -- JSON: weight by member
    trained_through DATE NOT NULL,   -- newest target date of the training rows
    data_version VARCHAR NOT NULL,
    code_version VARCHAR NOT NULL,
    git_commit VARCHAR NOT NULL,
    mlflow_run_id VARCHAR NOT NULL,
    registry_version VARCHAR NOT NULL,
    training_rows BIGINT NOT NULL,
    rmspe_median DOUBLE NOT NULL,    -- over the backtest origins, like the next two
    rmspe_mean DOUBLE NOT NULL,
    rmspe_spread DOUBLE NOT NULL,
    training_seconds DOUBLE NOT NULL,
    created_at TIMESTAMP NOT NULL
);

CREATE TABLE IF NOT EXISTS forecasting.promotions (
    promotion_id INTEGER PRIMARY KEY,
    decided_at TIMESTAMP NOT NULL,
    action VARCHAR NOT NULL,         -- promoted | refused | rolled_back
    model_version VARCHAR NOT NULL,
    previous_model_version VARCHAR,
    actor VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    figures VARCHAR NOT NULL,        -- JSON
    is_alias_set BOOLEAN NOT NULL    -- false: the next job sets the registry's alias
);

-- Columns `_lower` and `_upper` are 90% bounds by a block bootstrap of origins; NULL in rows of one
-- origin, and if fewer than four independent origins are behind the figure.
CREATE TABLE IF NOT EXISTS forecasting.backtest_scores (
    model_version VARCHAR NOT NULL,
    model VARCHAR NOT NULL,          -- blend, its members, linear and the reference methods
    forecast_origin DATE,            -- NULL: all origins together
    segment_kind VARCHAR NOT NULL,   -- overall | horizon_week | store_type | state | promo | weekday | holiday | total_*
    segment VARCHAR NOT NULL,
    origins BIGINT,                  -- number of origins behind the row
    interval_origins BIGINT,         -- those with calibrated intervals
    store_days BIGINT NOT NULL,
    rmspe DOUBLE NOT NULL,
    rmspe_lower DOUBLE,
    rmspe_upper DOUBLE,
    rmspe_median DOUBLE NOT NULL,    -- for all origins together the median, else the RMSPE
    rmspe_median_lower DOUBLE,
    rmspe_median_upper DOUBLE,
    rmse DOUBLE NOT NULL,
    mae DOUBLE NOT NULL,
    mape DOUBLE NOT NULL,
    wape DOUBLE,                     -- sum of absolute errors over sum of sales; NULL in scores of schema version 5
    bias DOUBLE NOT NULL,            -- sum of forecasts over sum of sales, minus 1
    bias_lower DOUBLE,
    bias_upper DOUBLE,
    skill DOUBLE,                    -- 1 - rmspe_median / the same of seasonal naive, same rows
    coverage_80 DOUBLE,              -- NULL if no earlier origin could calibrate the interval
    coverage_80_lower DOUBLE,
    coverage_80_upper DOUBLE,
    coverage_95 DOUBLE,
    coverage_95_lower DOUBLE,
    coverage_95_upper DOUBLE,
    pinball DOUBLE,                  -- pinball loss of the deciles over sum of sales; NULL for totals
    interval_score_80 DOUBLE,        -- log units, like the next
    interval_score_95 DOUBLE,
    scored_at TIMESTAMP NOT NULL
);

-- Parts of the log error of the blend, its members and the linear forecast at past origins.
CREATE TABLE IF NOT EXISTS forecasting.backtest_error_parts (
    model_version VARCHAR NOT NULL,
    model VARCHAR NOT NULL,          -- blend, its members and linear
    forecast_origin DATE,            -- NULL: all origins of the season together
    season VARCHAR NOT NULL,         -- ordinary | christmas
    part VARCHAR NOT NULL,           -- chain_horizon | chain_day | store_horizon | store_week | store_weekday | store_day
    log_error DOUBLE,                -- standard deviation in log units; NULL if the horizon is too short
    origins BIGINT NOT NULL,
    store_days BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS forecasting.feature_importance (
    model_version VARCHAR NOT NULL,
    feature VARCHAR NOT NULL,
    gain DOUBLE NOT NULL,
    gain_share DOUBLE NOT NULL,
    splits BIGINT NOT NULL,
    PRIMARY KEY (model_version, feature)
);

-- Actuals and references of past origins, which scores, weights, bias factor and intervals use.
CREATE TABLE IF NOT EXISTS forecasting.out_of_fold_days (
    features_hash VARCHAR NOT NULL,  -- fingerprint of the features' parameters and code
    data_version VARCHAR NOT NULL,   -- fingerprint of the origin's sales, plan and stores
    forecast_origin DATE NOT NULL,
    store_id INTEGER NOT NULL,
    target_date DATE NOT NULL,
    horizon_days INTEGER NOT NULL,
    sales DOUBLE NOT NULL,
    spread DOUBLE NOT NULL,          -- log units; scales the store's interval
    linear DOUBLE NOT NULL,          -- linear forecast of log sales
    seasonal_naive DOUBLE,
    store_weekday_promo_median DOUBLE,
    store_type VARCHAR NOT NULL,
    is_promo BOOLEAN NOT NULL,
    holiday_nearby VARCHAR NOT NULL  -- 'near a holiday' (3 days) | 'ordinary'
);

-- Forecasts of those days by the blend's members, trained on data before the origin only.
CREATE TABLE IF NOT EXISTS forecasting.out_of_fold_forecasts (
    member_hash VARCHAR NOT NULL,    -- family, parameters, panel and features, without the data
    data_version VARCHAR NOT NULL,
    model VARCHAR NOT NULL,          -- the member's family
    forecast_origin DATE NOT NULL,
    trained_through DATE NOT NULL,   -- last day of the sales that the member was fitted on
    store_id INTEGER NOT NULL,
    target_date DATE NOT NULL,
    log_forecast DOUBLE NOT NULL     -- before the bias factor
);
