with

store_days as (

    select * from {{ ref('fct_daily_sales') }}

),

planned as (

    select
        store_id,
        plan_date,
        is_open
    from {{ ref('plan_versions') }}
    where is_current

),

holidays as (

    select
        store_id,
        holiday_date
    from {{ ref('store_holidays') }}
    where state_holiday <> '0'

),

habits as (

    select
        store_id,
        sales_date,
        day_of_week,
        is_observed,
        is_open_without_sales,
        -- sold on one of the days before
        coalesce(bool_or(is_open and sales > 0) over (
            partition by store_id
            order by sales_date
            rows between {{ var('active_within_days') }} preceding and 1 preceding
        ), false) as is_active,
        -- opened on most of the same weekdays of the eight weeks before
        coalesce(avg(cast(is_open as integer)) over (
            partition by store_id, day_of_week
            order by sales_date
            rows between 8 preceding and 1 preceding
        ) > 0.5, false) as opens_by_habit
    from store_days

),

expectations as (

    select
        habits.store_id,
        habits.sales_date,
        habits.is_observed,
        -- a store that reports an open day without sales will not report it again
        habits.is_observed or habits.is_open_without_sales as is_reported,
        habits.is_active,
        habits.is_active
        and coalesce(planned.is_open, habits.opens_by_habit and holidays.store_id is null)
            as is_expected
    from habits
    left join planned
        on
            habits.store_id = planned.store_id
            and habits.sales_date = planned.plan_date
    left join holidays
        on
            habits.store_id = holidays.store_id
            and habits.sales_date = holidays.holiday_date

)

select *
from expectations
order by store_id, sales_date
