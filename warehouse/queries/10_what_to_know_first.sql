-- Which forecasts are missing, assumed or doubtful? (read this before you use the figures)
WITH newest AS (
    SELECT
        (SELECT max(forecasts.forecast_origin) FROM forecasts) AS forecast_origin,
        (SELECT max_by(r.run_id, r.checked_at) FROM data_quality_results AS r) AS checked_run_id
),

cautions AS (
    SELECT
        1 AS place,
        'the data are a synthetic sample' AS caution,
        is_synthetic::INTEGER AS how_many,
        data_set_name AS example
    FROM generation_info
    UNION ALL
    SELECT
        2 AS place,
        'stores without a forecast' AS caution,
        count(*) AS how_many,
        min(missing.store_id || ': ' || missing.reason) AS example
    FROM stores_not_forecast AS missing
    INNER JOIN newest ON missing.forecast_origin = newest.forecast_origin
    UNION ALL
    SELECT
        3 AS place,
        'store-days whose plan was filled by rule' AS caution,
        count(*) AS how_many,
        'first on ' || min(target_date) AS example
    FROM latest_forecasts
    WHERE plan_source = 'assumed'
    UNION ALL
    SELECT
        4 AS place,
        'quarantined rows of raw files' AS caution,
        count(*) AS how_many,
        min(file_name || ' line ' || line_number || ': ' || reason) AS example
    FROM quarantined_rows
    UNION ALL
    SELECT
        5 AS place,
        'checks that failed in the newest run' AS caution,
        count(*) AS how_many,
        min(checked.table_name || ': ' || checked.check_name) AS example
    FROM data_quality_results AS checked
    INNER JOIN newest ON checked.run_id = newest.checked_run_id
    WHERE NOT checked.is_success
)

SELECT
    caution,
    how_many,
    example
FROM cautions
ORDER BY place;
