-- Which form the tables have: see rossmann_ml/warehouse/schema.py.
CREATE SCHEMA IF NOT EXISTS meta;

-- One row per schema version this database has had; the highest is the one in force.
CREATE TABLE IF NOT EXISTS meta.schema_versions (
    version INTEGER PRIMARY KEY,
    script VARCHAR NOT NULL,         -- of warehouse/migrations; empty for a database made new
    reached_at TIMESTAMP NOT NULL
);
