{{ config(meta={'dagster': {'ref': {'name': 'store_plan'}}}) }}
-- The plan has the calendar's rows up to the newest origin and that origin's horizon after it.
with

newest as (

    select max(forecast_origin) as forecast_origin from {{ ref('horizon_plan') }}

),

counted as (

    select
        (select count(*) from {{ ref('store_plan') }}) as plan_rows,
        (
            select count(*)
            from {{ ref('fct_daily_sales') }} as calendar
            inner join newest on calendar.sales_date <= newest.forecast_origin
        ) as past_rows,
        (
            select count(*)
            from {{ ref('horizon_plan') }} as horizon
            inner join newest on horizon.forecast_origin = newest.forecast_origin
        ) as future_rows

)

select *
from counted
where plan_rows <> past_rows + future_rows
