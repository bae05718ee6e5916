-- Results of every check, Great Expectations' and dbt's alike.
CREATE SCHEMA IF NOT EXISTS quality;

CREATE TABLE IF NOT EXISTS quality.data_quality_results (
    run_id VARCHAR NOT NULL,
    checked_at TIMESTAMP NOT NULL,
    tool VARCHAR NOT NULL,           -- great_expectations | dbt
    suite VARCHAR NOT NULL,          -- raw_sales | raw_stores | plan | features | forecasts | dbt
    table_name VARCHAR NOT NULL,
    column_name VARCHAR,
    check_name VARCHAR NOT NULL,     -- the expectation's type, or the dbt test's name
    severity VARCHAR NOT NULL,       -- error | warning
    is_success BOOLEAN NOT NULL,
    rows_checked BIGINT,
    rows_unexpected BIGINT,
    observed VARCHAR,
    expected VARCHAR
);
