{{ config(meta={'dagster': {'ref': {'name': 'data_completeness'}}}) }}
-- The stores with rows, added over the days, are the observed store-days; a store cannot be
-- expected that is not active.
with

counted as (

    select
        (select sum(stores_with_rows) from {{ ref('data_completeness') }}) as completeness_rows,
        (
            select count(*) from {{ ref('fct_daily_sales') }}
            where is_observed
        ) as calendar_rows,
        (
            select count(*) from {{ ref('data_completeness') }}
            where stores_expected > stores_active
        ) as days_with_too_many_expected

)

select *
from counted
where
    completeness_rows is distinct from calendar_rows
    or days_with_too_many_expected > 0
