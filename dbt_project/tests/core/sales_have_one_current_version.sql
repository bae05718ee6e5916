{{ config(meta={'dagster': {'ref': {'name': 'sales_versions'}}}) }}
-- Every reported store-day in force that is not left out has exactly one current version: the row
-- of the newest file day.
with

kept as (

    select landed.*
    from {{ ref('stg_sales') }} as landed
    left join {{ ref('set_aside_sales') }} as aside
        on
            landed.store_id = aside.store_id
            and landed.sales_date = aside.sales_date
            and landed.load_id = aside.load_id
    where aside.load_id is null

),

newest as (

    select
        store_id,
        sales_date,
        arg_max(
            row(sales, customers, is_open, is_promo, state_holiday, is_school_holiday),
            load_id
        ) as said
    from kept
    group by store_id, sales_date

),

current_versions as (

    select
        store_id,
        sales_date,
        row(sales, customers, is_open, is_promo, state_holiday, is_school_holiday) as said
    from {{ ref('sales_versions') }}
    where is_current

)

select
    coalesce(newest.store_id, versions.store_id) as store_id,
    coalesce(newest.sales_date, versions.sales_date) as sales_date,
    count(versions.store_id) as current_versions
from newest
full outer join current_versions as versions
    on
        newest.store_id = versions.store_id
        and newest.sales_date = versions.sales_date
group by all
having
    count(versions.store_id) <> 1
    or bool_or(newest.said is distinct from versions.said)
