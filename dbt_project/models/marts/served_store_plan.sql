{{ config(alias='store_plan') }}

with

store_days as (

    select * from {{ ref('store_plan') }}

)

select
    store_id,
    plan_date,
    is_open,
    is_promo,
    state_holiday,
    is_school_holiday,
    plan_source
from store_days
