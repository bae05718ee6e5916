{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='forecast_origin',
        on_schema_change='append_new_columns',
        full_refresh=false,
        pre_hook="{{ forget_origins_after_the_newest_day(this) }}"
    )
}}

with

origin as (

    select * from {{ ref('forecast_origin') }}

),

assumed as (

    select * from {{ ref('assumed_plan') }}

),

selling as (

    select * from {{ ref('selling_days') }}
    where is_forecast

),

known as (

    select * from {{ ref('known_plan') }}

)

select
    origin.forecast_origin,
    origin.known_by,
    assumed.store_id,
    assumed.plan_date,
    cast(assumed.plan_date - origin.forecast_origin as integer) as horizon_days,
    -- NULL in a planned row: the retailer left Open out
    coalesce(known.is_open, assumed.is_open and selling.is_selling) as is_open,
    coalesce(known.is_promo, assumed.is_promo) as is_promo,
    coalesce(known.state_holiday, assumed.state_holiday) as state_holiday,
    coalesce(known.is_school_holiday, assumed.is_school_holiday) as is_school_holiday,
    case
        when known.is_open is not null then known.plan_source
        when selling.is_selling then 'assumed'
        else 'not_selling'
    end as plan_source
from assumed
cross join origin
inner join selling
    on
        assumed.store_id = selling.store_id
        and assumed.plan_date = selling.plan_date
left join known
    on
        assumed.store_id = known.store_id
        and assumed.plan_date = known.plan_date
order by assumed.store_id, assumed.plan_date
