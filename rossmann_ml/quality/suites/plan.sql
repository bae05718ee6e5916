-- Grain: one row per store-day of the plan at the newest forecast origin.
-- The columns after missing_days_of_store are figures of the whole plan and repeat on every row.
WITH origin AS (
    SELECT max(forecast_origin) AS forecast_origin
    FROM core.horizon_plan
),
planned AS (
    SELECT
        horizon_plan.*,
        horizon_plan.plan_date - horizon_plan.forecast_origin AS days_after_origin
    FROM core.horizon_plan
    INNER JOIN origin ON origin.forecast_origin = horizon_plan.forecast_origin
),
-- a lockdown closes whole weeks; an inverted flag opens the Sundays of each week
closed_weeks AS (
    SELECT week
    FROM (
        SELECT date_trunc('week', plan_date) AS week, avg(is_open::INTEGER) AS open_share
        FROM planned
        WHERE plan_source <> 'not_selling'
        GROUP BY plan_date
    )
    GROUP BY week
    HAVING max(open_share) < 0.05
),
-- the chain's own eight weeks before the origin: some chains open on Sundays, some never promote
past AS (
    SELECT
        -- some retailers send no rows of closed days
        avg(coalesce(daily.is_open, false)::INTEGER) FILTER (
            WHERE daily.day_of_week = 7
        ) AS open_sunday_share,
        avg(daily.is_promo::INTEGER) FILTER (WHERE daily.is_open) AS promo_share
    FROM core.fct_daily_sales AS daily, origin
    WHERE daily.sales_date > origin.forecast_origin - 56
        AND daily.sales_date <= origin.forecast_origin
),
figures AS (
    SELECT
        avg(is_open::INTEGER) FILTER (
            WHERE isodow(plan_date) = 7 AND plan_source <> 'not_selling'
        ) AS open_sunday_share,
        avg(is_open::INTEGER) FILTER (
            WHERE isodow(plan_date) < 7 AND plan_source <> 'not_selling'
            AND date_trunc('week', plan_date) NOT IN (SELECT week FROM closed_weeks)
        ) AS open_weekday_share,
        avg(is_promo::INTEGER) FILTER (WHERE is_open) AS promo_share,
        avg((plan_source = 'assumed')::INTEGER) AS assumed_share
    FROM planned
    WHERE days_after_origin <= $horizon_days
),
unplanned AS (
    SELECT count(*) AS stores
    FROM (
        SELECT DISTINCT daily.store_id
        FROM core.fct_daily_sales AS daily, origin
        WHERE daily.sales > 0
            AND daily.sales_date > origin.forecast_origin - 28
            AND daily.sales_date <= origin.forecast_origin
    ) AS active
    ANTI JOIN planned ON planned.store_id = active.store_id
)
SELECT
    planned.store_id,
    planned.plan_date,
    planned.horizon_days,
    planned.days_after_origin,
    planned.is_open,
    planned.is_promo,
    planned.state_holiday,
    planned.is_school_holiday,
    planned.plan_source,
    $horizon_days - count(DISTINCT CASE
        WHEN planned.days_after_origin BETWEEN 1 AND $horizon_days THEN planned.plan_date
    END) OVER (PARTITION BY planned.store_id) AS missing_days_of_store,
    coalesce(figures.open_sunday_share - past.open_sunday_share, 0) AS open_sunday_change,
    coalesce(figures.open_weekday_share, 0) AS open_weekday_share,
    coalesce(figures.promo_share - past.promo_share, 0) AS promo_change,
    figures.assumed_share,
    unplanned.stores AS active_stores_without_plan
FROM planned, past, figures, unplanned
