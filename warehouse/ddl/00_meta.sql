-- Versions of the tables; see rossmann_ml/warehouse/schema.py.
CREATE SCHEMA IF NOT EXISTS meta;

-- One row per schema version that this database has had; the highest is the current one.
CREATE TABLE IF NOT EXISTS meta.schema_versions (
    version INTEGER PRIMARY KEY,
    script VARCHAR NOT NULL,         -- in warehouse/migrations; empty if created at this version
    reached_at TIMESTAMP NOT NULL
);
