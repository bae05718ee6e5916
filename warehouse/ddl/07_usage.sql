-- What was asked of the API, from the files it leaves (rossmann_ml.serving.request_records).
CREATE SCHEMA IF NOT EXISTS monitoring;

-- How far each file has been read: the next reading goes on there.
CREATE TABLE IF NOT EXISTS monitoring.request_files (
    file_name VARCHAR PRIMARY KEY,
    bytes_read BIGINT NOT NULL,      -- up to the end of the last whole line
    read_at TIMESTAMP NOT NULL,      -- the wall clock, UTC
    is_deleted BOOLEAN NOT NULL      -- it was old and read to its end
);

CREATE TABLE IF NOT EXISTS monitoring.api_requests (
    file_name VARCHAR NOT NULL,
    byte_offset BIGINT NOT NULL,     -- where its line begins
    request_id VARCHAR NOT NULL,
    answered_at TIMESTAMP NOT NULL,  -- UTC
    method VARCHAR NOT NULL,
    path VARCHAR NOT NULL,           -- the route's template
    status INTEGER NOT NULL,
    milliseconds DOUBLE NOT NULL,
    stores INTEGER,                  -- that the answer is about
    store_ids INTEGER[] NOT NULL,    -- that the caller named
    is_what_if BOOLEAN NOT NULL,
    generation_id VARCHAR,
    key_name VARCHAR,
    PRIMARY KEY (file_name, byte_offset)
);

-- Requests that the API answered and did not record, as it counted them.
CREATE TABLE IF NOT EXISTS monitoring.unrecorded_requests (
    file_name VARCHAR NOT NULL,
    byte_offset BIGINT NOT NULL,
    counted_at TIMESTAMP NOT NULL,   -- UTC
    requests BIGINT NOT NULL,
    PRIMARY KEY (file_name, byte_offset)
);

-- Lines that are not records, with the reason.
CREATE TABLE IF NOT EXISTS monitoring.rejected_request_lines (
    file_name VARCHAR NOT NULL,
    byte_offset BIGINT NOT NULL,
    reason VARCHAR NOT NULL,
    line_text VARCHAR NOT NULL,      -- its beginning
    rejected_at TIMESTAMP NOT NULL,
    PRIMARY KEY (file_name, byte_offset)
);
