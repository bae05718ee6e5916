{{ config(meta={'dagster': {'ref': {'name': 'dim_store'}}}) }}
-- dim_store has every store of the store files, and its observed days add up to the calendar's.
with

counted as (

    select
        (select count(distinct store_id) from {{ ref('stg_stores') }}) as raw_stores,
        (select count(*) from {{ ref('dim_store') }}) as stores,
        (select sum(observed_days) from {{ ref('dim_store') }}) as observed_days,
        (
            select count(*) from {{ ref('fct_daily_sales') }}
            where is_observed
        ) as observed_calendar_days

)

select *
from counted
where raw_stores <> stores or observed_days <> observed_calendar_days
