"""Build a small warehouse in which every expectation passes; faults are in ``quality_faults``.

Thirteen stores: twelve with one and a half years of sales, and store 13, which is new. Dates end
where the real data ends, so that today is Monday, 2015-06-22.
"""

from __future__ import annotations

from datetime import date

import duckdb

from rossmann_ml.warehouse.schema import create_tables

TODAY = date(2015, 6, 22)
ORIGIN = date(2015, 6, 19)

_GOOD_TABLES = """
INSERT INTO raw.data_set VALUES ('retailer', false, true, TIMESTAMP '2015-06-22 06:00:00');

INSERT INTO raw.loads BY NAME
SELECT
    load_id, kind, file_name, load_id::VARCHAR AS file_sha256, is_bulk,
    9 AS rows_read, 9 AS rows_landed, 0 AS rows_restated, 0 AS rows_unchanged,
    0 AS rows_quarantined, file_date AS last_date, file_date, DATE '2015-06-22' AS known_on,
    TIMESTAMP '2015-06-22 06:00:00' AS loaded_at
FROM (VALUES
    (1, 'sales', 'train.csv', true, DATE '2015-06-19'),
    (2, 'sales', 'sales_2015-06-19.csv', false, DATE '2015-06-19'),
    (3, 'stores', 'store.csv', true, NULL)
) AS t(load_id, kind, file_name, is_bulk, file_date);

CREATE TEMP TABLE days AS
SELECT
    day::DATE AS date,
    isodow(day)::INTEGER AS day_of_week,
    -- promotions from Monday to Friday, every second week
    (isodow(day) < 6 AND weekofyear(day) % 2 = 0)::INTEGER AS promo,
    CASE
        WHEN strftime(day, '%m-%d') IN ('01-01', '05-01', '10-03') THEN 'a'
        WHEN strftime(day, '%m-%d') IN ('12-25', '12-26') THEN 'c'
        WHEN day::DATE IN ('2014-04-18', '2014-04-21', '2015-04-03', '2015-04-06') THEN 'b'
        ELSE '0'
    END AS state_holiday,
    (month(day) IN (7, 8))::INTEGER AS school_holiday
FROM generate_series(TIMESTAMP '2014-01-01', TIMESTAMP '2015-08-31', INTERVAL 1 DAY) AS t(day);

CREATE TEMP TABLE store_days AS
SELECT
    store::INTEGER AS store, days.*,
    (day_of_week < 7 AND state_holiday = '0')::INTEGER AS open,
    5000 + 100 * store + 1500 * promo + (store * 7 + day(date) * 13) % 300 AS usual_sales
FROM range(1, 14) AS t(store), days;

INSERT INTO raw.sales BY NAME
SELECT
    1 AS load_id, row_number() OVER () + 1 AS line_number, store, day_of_week, date,
    open * usual_sales AS sales, open * usual_sales // 8 AS customers, open, promo, state_holiday,
    school_holiday, date AS known_on
FROM store_days
WHERE store <= 12 AND date <= '2015-06-19';

-- one restated store-day: both versions stay, the newer one counts
INSERT INTO raw.sales BY NAME
SELECT * REPLACE (2 AS load_id, sales + 10 AS sales, DATE '2015-06-22' AS known_on)
FROM raw.sales WHERE store = 2 AND date = '2015-06-01';

INSERT INTO raw.stores BY NAME
SELECT
    3 AS load_id, store + 1 AS line_number, store,
    ['a', 'b', 'c', 'd'][store % 4 + 1] AS store_type, ['a', 'b', 'c'][store % 3 + 1] AS assortment,
    store * 250.0 AS competition_distance, 9 AS competition_open_since_month,
    2008 AS competition_open_since_year, store % 2 AS promo2,
    CASE WHEN store % 2 = 1 THEN 13 END AS promo2_since_week,
    CASE WHEN store % 2 = 1 THEN 2010 END AS promo2_since_year,
    CASE WHEN store % 2 = 1 THEN 'Jan,Apr,Jul,Oct' END AS promo_interval,
    DATE '2015-06-22' AS known_on
FROM (SELECT DISTINCT store FROM store_days);

CREATE SCHEMA core;
CREATE TABLE core.fct_daily_sales AS
SELECT
    store AS store_id, date AS sales_date, day_of_week, sales, open = 1 AS is_open,
    promo = 1 AS is_promo, state_holiday, load_id
FROM raw.sales
QUALIFY load_id = max(load_id) OVER (PARTITION BY store, date);

CREATE SCHEMA staging;

CREATE TABLE core.dim_store AS
SELECT DISTINCT store_id, CASE WHEN store_id <= 5 THEN 'HH' ELSE 'BY' END AS state
FROM core.fct_daily_sales;

CREATE TABLE core.set_aside_sales (
    store_id INTEGER, sales_date DATE, load_id INTEGER, sales DOUBLE,
    usual_sales DOUBLE, reason VARCHAR
);

CREATE TABLE core.expected_reports AS
SELECT
    store_id, sales_date, true AS is_observed, true AS is_reported, true AS is_active,
    is_open AS is_expected
FROM core.fct_daily_sales;

CREATE TABLE core.horizon_plan AS
SELECT
    DATE '2015-06-19' AS forecast_origin, store AS store_id, date AS plan_date,
    (date - DATE '2015-06-19')::INTEGER AS horizon_days, open = 1 AS is_open, promo = 1 AS is_promo,
    state_holiday, school_holiday = 1 AS is_school_holiday,
    CASE WHEN date <= '2015-07-31' THEN 'planned' ELSE 'assumed' END AS plan_source
FROM store_days
WHERE date BETWEEN '2015-06-20' AND '2015-08-21';
-- the plan of an earlier origin stays in the table and is not looked at
INSERT INTO core.horizon_plan
SELECT * REPLACE (DATE '2015-06-12' AS forecast_origin, false AS is_promo)
FROM core.horizon_plan;

CREATE TABLE features.scoring_panel AS
SELECT
    forecast_origin, store_id, plan_date AS target_date, horizon_days, is_open,
    isodow(plan_date)::REAL AS day_of_week, is_promo::REAL AS is_promo, 0::REAL AS state_holiday,
    is_school_holiday::INTEGER::REAL AS is_school_holiday, 8.6::REAL AS base_log_sales,
    0.1::REAL AS last_year_store, {more_features}, plan_source
FROM core.horizon_plan
WHERE forecast_origin = '2015-06-19' AND horizon_days <= 42;

INSERT INTO forecasting.forecasts BY NAME
SELECT
    forecast_origin, store_id, plan_date AS target_date, horizon_days, is_open,
    is_open::INTEGER * usual_sales AS sales_forecast, sales_forecast * 0.9 AS lower_80,
    sales_forecast * 1.1 AS upper_80, sales_forecast * 0.8 AS lower_95,
    sales_forecast * 1.3 AS upper_95, sales_forecast * 1.02 AS sales_median, 0.1 AS error_scale,
    'lightgbm-1' AS model_version, 'run-1' AS run_id, plan_source
FROM core.horizon_plan
INNER JOIN store_days ON store_days.store = store_id AND store_days.date = plan_date
WHERE forecast_origin = '2015-06-19' AND horizon_days <= 42;
"""

# Faults that table constraints would refuse are planted too, because the checks must find them if
# a constraint is dropped.
_WITHOUT_CONSTRAINTS = """
CREATE TABLE {schema}.copied AS FROM {schema}.{table};
DROP TABLE {schema}.{table};
ALTER TABLE {schema}.copied RENAME TO {table};
"""


def make_good_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill an empty database with tables in which every expectation passes."""
    create_tables(connection)
    more_features = ", ".join(f"{number}::REAL AS feature_{number}" for number in range(1, 41))
    connection.execute(_GOOD_TABLES.format(more_features=more_features))
    for schema, table in (("raw", "sales"), ("raw", "stores"), ("forecasting", "forecasts")):
        connection.execute(_WITHOUT_CONSTRAINTS.format(schema=schema, table=table))
