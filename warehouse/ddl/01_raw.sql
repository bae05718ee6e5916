-- Landed rows. Every load stores all its good rows. The row in force of a store-day is the one of the
-- load with the newest file_date, then the highest load_id, among the loads in force; known_on shows
-- what was known on each day.
CREATE SCHEMA IF NOT EXISTS raw;

-- One row: the data set of this warehouse. Files of another data set are refused.
CREATE TABLE IF NOT EXISTS raw.data_set (
    name VARCHAR NOT NULL,           -- 'retailer', or 'sample-<stores>-<seed>'
    is_synthetic BOOLEAN NOT NULL,
    is_historical BOOLEAN NOT NULL,  -- true: today is the Monday after the newest sales
    created_at TIMESTAMP NOT NULL
);

-- One row per landed file. A load is in force while withdrawn_on is NULL; of a replaced whole file the
-- rows before replaced_from stay in force.
CREATE TABLE IF NOT EXISTS raw.loads (
    load_id INTEGER PRIMARY KEY,
    kind VARCHAR NOT NULL,           -- sales | plan | stores | store_states | holidays
    file_name VARCHAR NOT NULL,
    file_sha256 VARCHAR NOT NULL,
    is_bulk BOOLEAN NOT NULL,        -- a whole history, not a weekly file
    rows_read BIGINT NOT NULL,
    rows_landed BIGINT NOT NULL,     -- rows that came into force: new and restated
    rows_restated BIGINT NOT NULL,
    rows_unchanged BIGINT NOT NULL,
    rows_quarantined BIGINT NOT NULL,
    first_date DATE,
    last_date DATE,
    known_on DATE NOT NULL,          -- business date of the load, of a corrected drop its first load's
    loaded_at TIMESTAMP NOT NULL,    -- wall clock, UTC
    file_date DATE,                  -- the file's day, which decides whose row is in force; stores: NULL
    rows_passed_over BIGINT,         -- rows not in force, because a file of a newer day has them
    rows_taken_back BIGINT,          -- rows of the replaced file that this one lacks
    replaced_by INTEGER,             -- load of the same file name that replaced this one
    replaced_from DATE,              -- whole files: first date of the load that replaced this one
    withdrawn_on DATE,               -- business date of the replacement or withdrawal
    withdrawn_at TIMESTAMP,          -- wall clock, UTC
    withdrawn_because VARCHAR,       -- 'replaced by load N' or 'withdrawn by <actor>: <reason>'
    accepted_by VARCHAR              -- who accepted a file that was held; NULL for other files
);

-- Currency of the amounts, of files that name it. All of one warehouse are alike, because totals add
-- stores.
CREATE TABLE IF NOT EXISTS raw.currencies (
    load_id INTEGER PRIMARY KEY,
    currency VARCHAR NOT NULL        -- in capitals, such as EUR
);

CREATE TABLE IF NOT EXISTS raw.sales (
    load_id INTEGER NOT NULL,
    line_number BIGINT NOT NULL,     -- in the file; the header is line 1
    store INTEGER NOT NULL,
    day_of_week INTEGER NOT NULL,    -- 1 is Monday
    date DATE NOT NULL,
    sales DOUBLE NOT NULL,
    customers INTEGER,
    open INTEGER NOT NULL,
    promo INTEGER NOT NULL,
    state_holiday VARCHAR NOT NULL,  -- 0 | a public | b Easter | c Christmas
    school_holiday INTEGER NOT NULL,
    known_on DATE NOT NULL           -- bulk: the row's date; weekly files: the load's
);

CREATE TABLE IF NOT EXISTS raw.plan (
    load_id INTEGER NOT NULL,
    line_number BIGINT NOT NULL,
    store INTEGER NOT NULL,
    day_of_week INTEGER NOT NULL,
    date DATE NOT NULL,
    open INTEGER,                    -- missing in 11 rows of Kaggle's file
    promo INTEGER NOT NULL,
    state_holiday VARCHAR NOT NULL,
    school_holiday INTEGER NOT NULL,
    known_on DATE NOT NULL
);

CREATE TABLE IF NOT EXISTS raw.stores (
    load_id INTEGER NOT NULL,
    line_number BIGINT NOT NULL,
    store INTEGER NOT NULL,
    store_type VARCHAR NOT NULL,
    assortment VARCHAR NOT NULL,
    competition_distance DOUBLE,
    competition_open_since_month INTEGER,
    competition_open_since_year INTEGER,
    promo2 INTEGER NOT NULL,
    promo2_since_week INTEGER,
    promo2_since_year INTEGER,
    promo_interval VARCHAR,
    known_on DATE NOT NULL
);

CREATE TABLE IF NOT EXISTS raw.store_states (
    load_id INTEGER NOT NULL,
    line_number BIGINT NOT NULL,
    store INTEGER NOT NULL,
    state VARCHAR NOT NULL,          -- place: HE, AT-9, FR; two joined by a comma (HB,NI)
    known_on DATE NOT NULL
);

CREATE TABLE IF NOT EXISTS raw.holidays (
    load_id INTEGER NOT NULL,
    line_number BIGINT NOT NULL,
    date DATE NOT NULL,
    state VARCHAR NOT NULL,          -- place: HE, AT-9, FR; two joined by a comma
    state_holiday VARCHAR,           -- 0 | a | b | c; NULL: the holidays package decides
    school_holiday INTEGER,          -- NULL: the rules decide
    known_on DATE NOT NULL
);

-- Rows that are not in force: of replaced or withdrawn files, or of store-days that a file of a newer
-- day had before. They come back when they are in force again. Of a whole file the two newest replaced
-- editions are kept.
CREATE TABLE IF NOT EXISTS raw.former_sales AS FROM raw.sales LIMIT 0;
CREATE TABLE IF NOT EXISTS raw.former_plan AS FROM raw.plan LIMIT 0;
CREATE TABLE IF NOT EXISTS raw.former_stores AS FROM raw.stores LIMIT 0;
CREATE TABLE IF NOT EXISTS raw.former_store_states AS FROM raw.store_states LIMIT 0;
CREATE TABLE IF NOT EXISTS raw.former_holidays AS FROM raw.holidays LIMIT 0;

-- Public holidays of Germany, its states and the stores' places, from the holidays package,
-- written at every landing.
CREATE TABLE IF NOT EXISTS raw.public_holidays (
    state VARCHAR NOT NULL,          -- a place; those of a state include the nationwide ones
    date DATE NOT NULL,
    name VARCHAR NOT NULL,
    state_holiday VARCHAR NOT NULL,  -- the retailer's code: a | b | c
    PRIMARY KEY (state, date)
);

-- The rows of raw.holidays in force by place of the stores: those of a country are repeated for its
-- parts, unless a row names the part. Written at every landing.
CREATE TABLE IF NOT EXISTS raw.holidays_by_place (
    state VARCHAR NOT NULL,
    date DATE NOT NULL,
    state_holiday VARCHAR,           -- 0: no public holiday, although the package may list one
    school_holiday INTEGER,
    PRIMARY KEY (state, date)
);

-- Rows that were not landed, with the reason.
CREATE TABLE IF NOT EXISTS raw.quarantined_rows (
    load_id INTEGER NOT NULL,
    kind VARCHAR NOT NULL,
    file_name VARCHAR NOT NULL,
    line_number BIGINT NOT NULL,
    column_name VARCHAR,
    reason VARCHAR NOT NULL,
    row_text VARCHAR NOT NULL,
    quarantined_at TIMESTAMP NOT NULL
);

-- Fingerprint of the newest rows after a load, computed once per load.
CREATE TABLE IF NOT EXISTS raw.data_versions (
    load_id INTEGER PRIMARY KEY,
    data_version VARCHAR NOT NULL
);
