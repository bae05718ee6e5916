-- Data and code that the feature tables were made from. The tables themselves (training_panel,
-- scoring_panel) have one column per feature; every build replaces them.
CREATE SCHEMA IF NOT EXISTS features;

CREATE TABLE IF NOT EXISTS features.panel_builds (
    panel VARCHAR PRIMARY KEY,       -- training_panel | scoring_panel
    forecast_origin DATE NOT NULL,
    profile VARCHAR,                 -- fast | full; NULL for the scoring panel
    data_version VARCHAR NOT NULL,
    code_version VARCHAR NOT NULL,
    panel_rows BIGINT NOT NULL,
    built_at TIMESTAMP NOT NULL
);
