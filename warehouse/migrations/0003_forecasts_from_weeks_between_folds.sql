-- The models of a fold also forecast from the weeks after it; what is stored is by models of its own
-- day. The primary keys go: their index would be larger than the rows, and the code replaces whole
-- origins.
ALTER TABLE forecasting.out_of_fold_days RENAME TO former_days;
CREATE TABLE forecasting.out_of_fold_days (
    features_hash VARCHAR NOT NULL,
    data_version VARCHAR NOT NULL,
    forecast_origin DATE NOT NULL,
    store_id INTEGER NOT NULL,
    target_date DATE NOT NULL,
    horizon_days INTEGER NOT NULL,
    sales DOUBLE NOT NULL,
    spread DOUBLE NOT NULL,
    linear DOUBLE NOT NULL,
    seasonal_naive DOUBLE,
    store_weekday_promo_median DOUBLE,
    store_type VARCHAR NOT NULL,
    is_promo BOOLEAN NOT NULL,
    holiday_nearby VARCHAR NOT NULL
);
INSERT INTO forecasting.out_of_fold_days BY NAME FROM forecasting.former_days;
DROP TABLE forecasting.former_days;
ALTER TABLE forecasting.out_of_fold_forecasts RENAME TO former_forecasts;
CREATE TABLE forecasting.out_of_fold_forecasts (
    member_hash VARCHAR NOT NULL,
    data_version VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    forecast_origin DATE NOT NULL,
    trained_through DATE NOT NULL,
    store_id INTEGER NOT NULL,
    target_date DATE NOT NULL,
    log_forecast DOUBLE NOT NULL
);
INSERT INTO forecasting.out_of_fold_forecasts BY NAME
SELECT *, forecast_origin AS trained_through FROM forecasting.former_forecasts;
DROP TABLE forecasting.former_forecasts;
