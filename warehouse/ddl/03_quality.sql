-- Results of all checks by Great Expectations and dbt.
CREATE SCHEMA IF NOT EXISTS quality;

CREATE TABLE IF NOT EXISTS quality.data_quality_results (
    run_id VARCHAR NOT NULL,
    checked_at TIMESTAMP NOT NULL,
    tool VARCHAR NOT NULL,           -- great_expectations | dbt
    suite VARCHAR NOT NULL,          -- a suite of rossmann_ml/quality/suites, or dbt
    table_name VARCHAR NOT NULL,
    column_name VARCHAR,
    check_name VARCHAR NOT NULL,     -- type of the expectation, or name of the dbt test
    severity VARCHAR NOT NULL,       -- error | warning
    is_success BOOLEAN NOT NULL,
    rows_checked BIGINT,
    rows_unexpected BIGINT,
    observed VARCHAR,
    expected VARCHAR
);
