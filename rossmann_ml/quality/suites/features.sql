-- Grain: one row per store-day of the scoring panel of the newest forecast origin. The columns after
-- missing_share are figures of the whole panel and repeat on every row.
WITH origin AS (
    SELECT max(forecast_origin) AS forecast_origin
    FROM features.scoring_panel
),
panel AS (
    SELECT
        scoring_panel.*,
        [*COLUMNS(lambda name: name NOT IN (
            'forecast_origin', 'store_id', 'target_date', 'horizon_days', 'is_open', 'plan_source',
            'store_type', 'assortment', 'state'
        ))]::DOUBLE[] AS feature_values
    FROM features.scoring_panel
    WHERE forecast_origin = (SELECT forecast_origin FROM origin)
),
unfeatured AS (
    SELECT count(*) AS store_days
    FROM core.horizon_plan AS planned
    INNER JOIN origin ON origin.forecast_origin = planned.forecast_origin
    ANTI JOIN panel
        ON panel.store_id = planned.store_id AND panel.target_date = planned.plan_date
    WHERE planned.plan_date - planned.forecast_origin <= $horizon_days
),
key_columns AS (
    SELECT string_agg(column_name || ' ' || data_type, ', ' ORDER BY column_index) AS text
    FROM duckdb_columns()
    WHERE database_name = current_database()
        AND schema_name = 'features' AND table_name = 'scoring_panel'
        AND column_name IN (
            'forecast_origin', 'store_id', 'target_date', 'horizon_days', 'is_open', 'plan_source'
        )
)
SELECT
    panel.store_id,
    panel.target_date,
    panel.horizon_days::BIGINT AS horizon_days,
    panel.target_date - panel.forecast_origin AS days_after_origin,
    greatest(1 - panel.horizon_days, panel.horizon_days - $horizon_days, 0)::BIGINT
        AS days_outside_horizon,
    panel.is_open,
    panel.day_of_week,
    panel.is_promo,
    panel.state_holiday,
    panel.is_school_holiday,
    -- NaN counts as missing, for pandas as for the models
    panel.base_log_sales::DOUBLE AS base_log_sales,
    panel.last_year_store::DOUBLE AS last_year_store,
    len(list_filter(panel.feature_values, lambda value: isinf(value))) AS infinite_values,
    len(list_filter(panel.feature_values, lambda value: coalesce(isnan(value), true)))
        / len(panel.feature_values) AS missing_share,
    len(panel.feature_values) AS feature_columns,
    unfeatured.store_days AS plan_days_without_features,
    key_columns.text AS key_columns
FROM panel, unfeatured, key_columns
