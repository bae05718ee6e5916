-- Grain: one row per store-day, in the version that was landed last.
-- The columns after school_holiday are figures of the whole table and repeat on every row.
WITH restated AS (
    SELECT store, date, max(load_id) AS newest_load_id
    FROM raw.sales
    GROUP BY store, date
    HAVING min(load_id) < max(load_id)
),
landed AS (
    SELECT sales_rows.*
    FROM raw.sales AS sales_rows
    LEFT JOIN restated
        ON restated.store = sales_rows.store AND restated.date = sales_rows.date
    WHERE restated.newest_load_id IS NULL OR restated.newest_load_id = sales_rows.load_id
),
days AS (
    SELECT
        min(date) AS oldest_date,
        max(date) AS newest_date,
        avg((state_holiday <> '0')::INTEGER) AS state_holiday_share,
        avg((sales = 0)::INTEGER) FILTER (WHERE open = 1) AS zero_sales_open_share,
        count(*) FILTER (WHERE open = 0 AND sales <> 0) AS closed_days_with_sales,
        count(*) FILTER (
            WHERE day_of_week BETWEEN 1 AND 7 AND day_of_week <> isodow(date)
        ) AS days_with_wrong_weekday
    FROM landed
),
-- six weeks have whole cycles of promotions that alternate in any rhythm up to three weeks;
-- they do not depend on the forecast horizon; less the year before them
promotions AS (
    SELECT
        avg((landed.promo = 1)::INTEGER) FILTER (WHERE landed.date > days.newest_date - 42)
        - avg((landed.promo = 1)::INTEGER) FILTER (WHERE landed.date <= days.newest_date - 42)
            AS change
    FROM landed, days
    WHERE landed.open = 1 AND landed.date > days.newest_date - 42 - 364
),
newest_day AS (
    SELECT
        count(*) FILTER (WHERE landed.date = days.newest_date)
        / nullif(count(*) FILTER (WHERE landed.date = days.newest_date - 7), 0) AS store_share
    FROM landed, days
    WHERE landed.date >= days.newest_date - 7
),
-- the nine weeks around the newest week a year ago; without a year of data, the nine weeks before
-- the newest week
comparison AS (
    SELECT newest_date - CASE WHEN oldest_date <= newest_date - 398 THEN 398 ELSE 69 END AS first_date
    FROM days
),
usual AS (
    SELECT landed.day_of_week, landed.promo, median(landed.sales) AS sales
    FROM landed, comparison
    WHERE landed.open = 1 AND landed.sales > 0
        AND landed.date BETWEEN comparison.first_date AND comparison.first_date + 62
    GROUP BY landed.day_of_week, landed.promo
),
level AS (
    SELECT median(landed.sales / usual.sales) AS ratio
    FROM landed
    INNER JOIN days ON landed.date > days.newest_date - 7
    INNER JOIN usual ON usual.day_of_week = landed.day_of_week AND usual.promo = landed.promo
    WHERE landed.open = 1 AND landed.sales > 0
),
landed_columns AS (
    SELECT string_agg(column_name || ' ' || data_type, ', ' ORDER BY column_index) AS text
    FROM duckdb_columns()
    WHERE database_name = current_database() AND schema_name = 'raw' AND table_name = 'sales'
)
-- narrow types, because Great Expectations copies the whole frame for every expectation on rows
SELECT
    landed.store,
    landed.day_of_week::TINYINT AS day_of_week,
    landed.date,
    landed.sales,
    landed.customers::DOUBLE AS customers,
    landed.open::TINYINT AS open,
    landed.promo::TINYINT AS promo,
    landed.state_holiday,
    landed.school_holiday::TINYINT AS school_holiday,
    -- on one row only, because text on every row is slow
    CASE WHEN row_number() OVER () = 1 THEN landed_columns.text END AS landed_columns,
    year(days.oldest_date)::INTEGER AS oldest_year,
    (days.newest_date - $today::DATE)::INTEGER AS days_after_today,
    days.days_with_wrong_weekday::INTEGER AS days_with_wrong_weekday,
    days.closed_days_with_sales::INTEGER AS closed_days_with_sales,
    coalesce(days.zero_sales_open_share, 0)::REAL AS zero_sales_open_share,
    coalesce(promotions.change, 0)::REAL AS promo_change,
    days.state_holiday_share::REAL AS state_holiday_share,
    -- 1 while no earlier week exists to compare with
    coalesce(newest_day.store_share, 1)::REAL AS newest_day_store_share,
    coalesce(level.ratio, 1)::REAL AS sales_level_ratio
FROM landed, days, promotions, newest_day, level, landed_columns
