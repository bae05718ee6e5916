-- What models and the scoring job write. Keys and meaning: warehouse/README.md.
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
    plan_source VARCHAR NOT NULL,    -- planned | actual | assumed
    PRIMARY KEY (forecast_origin, store_id, target_date)
);

-- What the sum of a segment's daily forecasts is multiplied by to be unbiased, and for its bounds;
-- sums in which no store opens have no row, they are 0.
CREATE TABLE IF NOT EXISTS forecasting.total_intervals (
    forecast_origin DATE NOT NULL,
    level VARCHAR NOT NULL,          -- chain | store_type | assortment | state | store
    segment VARCHAR NOT NULL,
    first_date DATE NOT NULL,        -- of the days added up
    last_date DATE NOT NULL,
    unbiased_factor DOUBLE NOT NULL,
    lower_80_factor DOUBLE NOT NULL,
    upper_80_factor DOUBLE NOT NULL,
    lower_95_factor DOUBLE NOT NULL,
    upper_95_factor DOUBLE NOT NULL,
    run_id VARCHAR NOT NULL,
    PRIMARY KEY (forecast_origin, level, segment, first_date, last_date)
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
    replaced_at TIMESTAMP NOT NULL
);

-- What a challenger would have forecast beside the champion; never served.
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
    plan_source VARCHAR NOT NULL,    -- planned | actual | assumed
    PRIMARY KEY (forecast_origin, store_id, target_date, model_version)
);

-- Why a forecast of an open day is what it is: the parts in log units add up to the log of the
-- forecast, those in EUR to the forecast.
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
    run_id VARCHAR NOT NULL,         -- the run whose forecasts these rows explain
    PRIMARY KEY (forecast_origin, store_id, target_date)
);

CREATE TABLE IF NOT EXISTS forecasting.forecast_runs (
    run_id VARCHAR PRIMARY KEY,
    run_kind VARCHAR NOT NULL,       -- weekly | backfill
    forecast_origin DATE NOT NULL,
    known_by DATE NOT NULL,          -- rows that became known later were not used
    model_version VARCHAR NOT NULL,
    data_version VARCHAR NOT NULL,
    code_version VARCHAR NOT NULL,
    input_hash VARCHAR NOT NULL,     -- the same inputs are not scored twice
    git_commit VARCHAR NOT NULL,
    stores INTEGER NOT NULL,
    store_days INTEGER NOT NULL,
    assumed_store_days INTEGER NOT NULL,
    stores_not_forecast INTEGER NOT NULL,
    total_sales_forecast DOUBLE NOT NULL,
    started_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP NOT NULL
);

-- Stores that got no forecast at an origin, and why.
CREATE TABLE IF NOT EXISTS forecasting.stores_not_forecast (
    forecast_origin DATE NOT NULL,
    store_id INTEGER NOT NULL,
    reason VARCHAR NOT NULL,
    PRIMARY KEY (forecast_origin, store_id)
);

-- Stores of an origin whose type, assortment or state the model had not seen when it was fitted.
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
    recipe VARCHAR NOT NULL,         -- JSON: fingerprints of features and members
    blend_weights VARCHAR NOT NULL,  -- JSON: weight by member
    trained_through DATE NOT NULL,   -- the newest target date among the training rows
    data_version VARCHAR NOT NULL,
    code_version VARCHAR NOT NULL,
    git_commit VARCHAR NOT NULL,
    mlflow_run_id VARCHAR NOT NULL,
    registry_version VARCHAR NOT NULL,
    training_rows BIGINT NOT NULL,
    rmspe_median DOUBLE NOT NULL,    -- over the backtest's origins, like the next two
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
    is_alias_set BOOLEAN NOT NULL    -- the registry's alias follows; false: at the next start
);

CREATE TABLE IF NOT EXISTS forecasting.backtest_scores (
    model_version VARCHAR NOT NULL,
    model VARCHAR NOT NULL,          -- blend, its members, linear and the references
    forecast_origin DATE,            -- NULL: all origins together
    segment_kind VARCHAR NOT NULL,   -- overall | horizon_week | store_type | state | promo | weekday | holiday | total_*
    segment VARCHAR NOT NULL,
    store_days BIGINT NOT NULL,
    rmspe DOUBLE NOT NULL,
    rmspe_median DOUBLE NOT NULL,    -- over origins where they are together, else the RMSPE
    rmse DOUBLE NOT NULL,
    mae DOUBLE NOT NULL,
    mape DOUBLE NOT NULL,
    bias DOUBLE NOT NULL,            -- sum of forecasts over sum of sales, minus 1
    skill DOUBLE,                    -- 1 - median RMSPE / that of seasonal naive on the same rows
    coverage_80 DOUBLE,              -- NULL where no interval was calibrated on earlier origins
    coverage_95 DOUBLE,
    scored_at TIMESTAMP NOT NULL
);

CREATE TABLE IF NOT EXISTS forecasting.feature_importance (
    model_version VARCHAR NOT NULL,
    feature VARCHAR NOT NULL,
    gain DOUBLE NOT NULL,
    gain_share DOUBLE NOT NULL,
    splits BIGINT NOT NULL,
    PRIMARY KEY (model_version, feature)
);

-- Past origins as they came true: what scores, weights, bias factor and intervals compare with.
CREATE TABLE IF NOT EXISTS forecasting.out_of_fold_days (
    features_hash VARCHAR NOT NULL,  -- how features are made
    data_version VARCHAR NOT NULL,   -- sales, plan and stores behind the origin and its scores
    forecast_origin DATE NOT NULL,
    store_id INTEGER NOT NULL,
    target_date DATE NOT NULL,
    horizon_days INTEGER NOT NULL,
    sales DOUBLE NOT NULL,
    spread DOUBLE NOT NULL,          -- log units, scales the store's interval
    linear DOUBLE NOT NULL,          -- linear forecast of log sales
    seasonal_naive DOUBLE,
    store_weekday_promo_median DOUBLE,
    store_type VARCHAR NOT NULL,
    is_promo BOOLEAN NOT NULL,
    holiday_nearby VARCHAR NOT NULL, -- 'near a holiday' (3 days) | 'ordinary'
    PRIMARY KEY (features_hash, data_version, forecast_origin, store_id, target_date)
);

-- Their forecasts by models that had not seen what came after, a member of the blend each.
CREATE TABLE IF NOT EXISTS forecasting.out_of_fold_forecasts (
    member_hash VARCHAR NOT NULL,    -- family, parameters, panel and features; not the data
    data_version VARCHAR NOT NULL,
    model VARCHAR NOT NULL,          -- the member's family
    forecast_origin DATE NOT NULL,
    store_id INTEGER NOT NULL,
    target_date DATE NOT NULL,
    log_forecast DOUBLE NOT NULL,    -- before the bias factor
    PRIMARY KEY (member_hash, data_version, forecast_origin, store_id, target_date)
);
