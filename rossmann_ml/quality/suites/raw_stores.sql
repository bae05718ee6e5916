-- Grain: one row per store, in the version that was landed last.
-- stores_with_sales_only is a figure of the whole table and repeats on every row.
WITH newest AS (
    SELECT store, max(load_id) AS load_id
    FROM raw.stores
    GROUP BY store
),
sold_only AS (
    SELECT count(*) AS stores
    FROM (SELECT DISTINCT store FROM raw.sales) AS sold
    ANTI JOIN raw.stores ON stores.store = sold.store
),
landed_columns AS (
    SELECT string_agg(column_name || ' ' || data_type, ', ' ORDER BY column_index) AS text
    FROM duckdb_columns()
    WHERE database_name = current_database() AND schema_name = 'raw' AND table_name = 'stores'
)
SELECT
    stores.store,
    stores.store_type,
    stores.assortment,
    stores.competition_distance,
    stores.competition_open_since_month,
    stores.competition_open_since_year,
    stores.promo2,
    stores.promo2_since_week,
    stores.promo2_since_year,
    stores.promo_interval,
    (stores.competition_open_since_month IS NULL) <> (stores.competition_open_since_year IS NULL)
        AS has_half_a_competition_date,
    stores.promo2 = 1 AND (
        stores.promo2_since_week IS NULL
        OR stores.promo2_since_year IS NULL
        OR stores.promo_interval IS NULL
    ) AS lacks_promo2_details,
    stores.promo2 = 0 AND (
        stores.promo2_since_week IS NOT NULL
        OR stores.promo2_since_year IS NOT NULL
        OR stores.promo_interval IS NOT NULL
    ) AS has_promo2_details_without_promo2,
    sold_only.stores AS stores_with_sales_only,
    landed_columns.text AS landed_columns
FROM raw.stores AS stores
INNER JOIN newest
    ON newest.store IS NOT DISTINCT FROM stores.store AND newest.load_id = stores.load_id
CROSS JOIN sold_only
CROSS JOIN landed_columns
