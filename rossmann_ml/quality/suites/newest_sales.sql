-- One row: findings of the newest two weeks in words, or NULL. Stores are judged by their own past.
-- In the real data a day before Christmas has 2.18 times the usual sales, a state's Christmas week
-- 1.76 times, and its lowest week 0.85 times.
WITH window_days AS (
    SELECT max(sales_date) AS newest, max(sales_date) - 13 AS oldest
    FROM (
        SELECT sales_date FROM core.fct_daily_sales
        UNION ALL SELECT sales_date FROM core.set_aside_sales
    )
),
aside AS (
    SELECT aside.*, loads.file_name
    FROM core.set_aside_sales AS aside
    JOIN raw.loads AS loads USING (load_id)
    LEFT JOIN core.fct_daily_sales AS calendar USING (store_id, sales_date)
    WHERE sales_date >= (SELECT oldest FROM window_days)
        AND aside.load_id > coalesce(calendar.load_id, 0)
),
-- a single day without sales happens: 12 stores had two of them in a row in two and a half years,
-- and more than two stores only once on the same day
outages AS (
    SELECT * FROM aside WHERE reason = 'open without sales'
    QUALIFY count(*) OVER (PARTITION BY store_id) > 1 OR count(*) OVER (PARTITION BY sales_date) > 2
),
units AS (
    SELECT loads.file_name, rows.column_name,
        regexp_extract(rows.reason, 'store (\d+)$', 1)::INTEGER AS store_id,
        regexp_replace(rows.reason, ' (of|in) store \d+$', '') AS finding
    FROM raw.quarantined_rows AS rows
    JOIN raw.loads AS loads USING (load_id)
    WHERE rows.reason LIKE '% in another unit: %'
        AND loads.last_date >= (SELECT oldest FROM window_days)
        AND loads.withdrawn_on IS NULL
),
missing AS (
    SELECT store_id, sales_date
    FROM core.expected_reports
    WHERE is_expected AND NOT is_reported
        AND sales_date BETWEEN (SELECT oldest FROM window_days) AND (SELECT newest FROM window_days)
        AND (store_id, sales_date) NOT IN (SELECT (store_id, sales_date) FROM aside)
        AND store_id NOT IN (SELECT store_id FROM units)
),
usual AS (
    SELECT store_id, day_of_week, is_promo, median(sales) AS usual_sales
    FROM core.fct_daily_sales
    WHERE is_open AND sales > 0
        AND sales_date < (SELECT oldest FROM window_days)
        AND sales_date >= (SELECT oldest FROM window_days) - 182
    GROUP BY ALL
    HAVING count(*) >= 3
),
sold AS (
    SELECT store_id, sales_date, sales, usual_sales, coalesce(state, 'unknown') AS state
    FROM core.fct_daily_sales
    JOIN usual USING (store_id, day_of_week, is_promo)
    JOIN core.dim_store USING (store_id)
    WHERE is_open AND sales > 0 AND state_holiday = '0'
        AND sales_date >= (SELECT oldest FROM window_days)
),
by_day AS (
    SELECT sales_date, sum(sales) / sum(usual_sales) AS level
    FROM sold GROUP BY sales_date HAVING count(*) >= 10
),
by_state AS (
    SELECT state, sum(sales) / sum(usual_sales) AS level
    FROM sold WHERE sales_date > (SELECT newest FROM window_days) - 7
    GROUP BY state HAVING count(DISTINCT store_id) >= 5
),
named AS (
    SELECT reason AS kind,
        strftime(sales_date, '%A %Y-%m-%d') || ' (' || string_agg(DISTINCT file_name, ', ') || '): '
        || count(*) || ' stores sold ' || round(100 * sum(sales) / nullif(sum(usual_sales), 0))::INTEGER
        || '% of their usual ' || format('{:,}', sum(usual_sales)::BIGINT) || ' EUR' AS finding,
        list_sort(list(store_id)) AS stores, sales_date AS place
    FROM aside WHERE reason LIKE 'partial day%'
    GROUP BY reason, sales_date
    UNION ALL
    SELECT reason, string_agg(DISTINCT file_name, ', ') || ': ' || count(*) || ' open days with sales 0, '
        || min(sales_date) || ' to ' || max(sales_date),
        list_sort(list(DISTINCT store_id)), NULL
    FROM outages GROUP BY reason
    UNION ALL
    SELECT 'missing', count(*) || if(count(*) = 1, ' day', ' days') || ' without a row, ' || min(sales_date) || ' to ' || max(sales_date),
        list_sort(list(DISTINCT store_id)), NULL
    FROM missing HAVING count(*) > 0
    UNION ALL
    SELECT 'unit', file_name || ': ' || finding || ', ' || count(*) || ' rows',
        list_sort(list(DISTINCT store_id)), NULL
    FROM units GROUP BY file_name, finding
),
texts AS (
    SELECT kind, string_agg(
        finding || '; store' || if(len(stores) > 1, 's ', ' ') || array_to_string(stores[1:10], ', ')
        || if(len(stores) > 10, ' and ' || (len(stores) - 10) || ' more', ''), '; '
        ORDER BY place, finding
    ) AS finding
    FROM named GROUP BY kind
)
SELECT
    (SELECT finding FROM texts WHERE kind = 'partial day') AS partial_day,
    (SELECT finding FROM texts WHERE kind = 'partial day of some stores') AS partial_day_of_some_stores,
    (SELECT finding FROM texts WHERE kind = 'open without sales') AS open_without_sales,
    (SELECT finding FROM texts WHERE kind = 'missing') AS missing_rows,
    (SELECT finding FROM texts WHERE kind = 'unit') AS other_unit,
    (
        SELECT string_agg(strftime(sales_date, '%A %Y-%m-%d') || ': ' || round(100 * level)::INTEGER
            || '% of usual sales', '; ' ORDER BY sales_date)
        FROM by_day WHERE level > 2.5
    ) AS days_off_level,
    (
        SELECT string_agg(state || ': ' || round(100 * level)::INTEGER || '% of usual sales', '; '
            ORDER BY state)
        FROM by_state WHERE level NOT BETWEEN 0.6 AND 2
    ) AS states_off_level
