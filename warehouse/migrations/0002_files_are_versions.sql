-- raw.loads gains the file's day and the marks of replaced and withdrawn files. Loads made before keep
-- only new and changed rows, so none of them is marked as replaced.
ALTER TABLE raw.loads ADD COLUMN file_date DATE;
ALTER TABLE raw.loads ADD COLUMN rows_passed_over BIGINT;
ALTER TABLE raw.loads ADD COLUMN rows_taken_back BIGINT;
ALTER TABLE raw.loads ADD COLUMN replaced_by INTEGER;
ALTER TABLE raw.loads ADD COLUMN replaced_from DATE;
ALTER TABLE raw.loads ADD COLUMN withdrawn_on DATE;
ALTER TABLE raw.loads ADD COLUMN withdrawn_at TIMESTAMP;
ALTER TABLE raw.loads ADD COLUMN withdrawn_because VARCHAR;
UPDATE raw.loads SET
    rows_passed_over = 0,
    rows_taken_back = 0,
    file_date = CASE
        WHEN kind NOT IN ('sales', 'plan') THEN NULL
        WHEN NOT is_bulk THEN try_cast(regexp_extract(file_name, '\d{4}-\d{2}-\d{2}') AS DATE)
        WHEN kind = 'sales' THEN last_date
        ELSE first_date - 1
    END;
ALTER TABLE raw.loads ADD COLUMN accepted_by VARCHAR;
CREATE TABLE IF NOT EXISTS raw.former_sales AS FROM raw.sales LIMIT 0;
CREATE TABLE IF NOT EXISTS raw.former_plan AS FROM raw.plan LIMIT 0;
CREATE TABLE IF NOT EXISTS raw.former_stores AS FROM raw.stores LIMIT 0;
CREATE TABLE IF NOT EXISTS raw.former_store_states AS FROM raw.store_states LIMIT 0;
