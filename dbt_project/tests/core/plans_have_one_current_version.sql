{{ config(meta={'dagster': {'ref': {'name': 'plan_versions'}}}) }}
-- Every planned store-day in force has exactly one current version: the row of the newest file
-- day.
with

newest as (

    select
        store_id,
        plan_date,
        arg_max(row(is_open, is_promo, state_holiday, is_school_holiday), load_id) as said
    from {{ ref('stg_plan') }}
    group by store_id, plan_date

),

current_versions as (

    select
        store_id,
        plan_date,
        row(is_open, is_promo, state_holiday, is_school_holiday) as said
    from {{ ref('plan_versions') }}
    where is_current

)

select
    coalesce(newest.store_id, versions.store_id) as store_id,
    coalesce(newest.plan_date, versions.plan_date) as plan_date,
    count(versions.store_id) as current_versions
from newest
full outer join current_versions as versions
    on
        newest.store_id = versions.store_id
        and newest.plan_date = versions.plan_date
group by all
having
    count(versions.store_id) <> 1
    or bool_or(newest.said is distinct from versions.said)
