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

planned_then as (

    select plan.*
    from {{ ref('plan_versions') }} as plan
    cross join origin
    where
        plan.plan_date between origin.first_plan_date and origin.last_plan_date
        and {{ was_known('plan', 'origin.known_by') }}

),

planned_later as (

    select plan.*
    from {{ ref('plan_versions') }} as plan
    cross join origin
    where
        plan.plan_date between origin.first_plan_date and origin.last_plan_date
        and plan.is_current
        and plan.known_on > origin.known_by

),

sold as (

    select sales.*
    from {{ ref('sales_versions') }} as sales
    cross join origin
    where
        sales.sales_date between origin.first_plan_date and origin.last_plan_date
        and sales.is_current

),

stores_to_forecast as (

    select planned_then.store_id
    from planned_then
    cross join origin
    where planned_then.plan_date <= origin.last_forecast_date
    union
    select sales.store_id
    from {{ ref('sales_versions') }} as sales
    cross join origin
    where
        sales.sales_date <= origin.forecast_origin
        and sales.sales_date > origin.forecast_origin - {{ var('active_within_days') }}
        and sales.is_open
        and sales.sales > 0
        and {{ was_known('sales', 'origin.known_by') }}

),

sources as (

    select
        assumed.store_id,
        assumed.plan_date,
        assumed.is_open as assumed_is_open,
        assumed.is_promo as assumed_is_promo,
        assumed.state_holiday as assumed_state_holiday,
        assumed.is_school_holiday as assumed_is_school_holiday,
        case
            when planned_then.store_id is not null then 'planned'
            when sold.store_id is not null then 'actual'
            when planned_later.store_id is not null then 'planned'
            else 'assumed'
        end as row_source,
        case
            when planned_then.store_id is not null then planned_then.is_open
            when sold.store_id is not null then sold.is_open
            else planned_later.is_open
        end as is_open,
        case
            when planned_then.store_id is not null then planned_then.is_promo
            when sold.store_id is not null then sold.is_promo
            else planned_later.is_promo
        end as is_promo,
        case
            when planned_then.store_id is not null then planned_then.state_holiday
            when sold.store_id is not null then sold.state_holiday
            else planned_later.state_holiday
        end as state_holiday,
        case
            when planned_then.store_id is not null then planned_then.is_school_holiday
            when sold.store_id is not null then sold.is_school_holiday
            else planned_later.is_school_holiday
        end as is_school_holiday
    from assumed
    inner join stores_to_forecast on assumed.store_id = stores_to_forecast.store_id
    left join planned_then
        on
            assumed.store_id = planned_then.store_id
            and assumed.plan_date = planned_then.plan_date
    left join sold
        on
            assumed.store_id = sold.store_id
            and assumed.plan_date = sold.sales_date
    left join planned_later
        on
            assumed.store_id = planned_later.store_id
            and assumed.plan_date = planned_later.plan_date

)

select
    origin.forecast_origin,
    origin.known_by,
    sources.store_id,
    sources.plan_date,
    cast(sources.plan_date - origin.forecast_origin as integer) as horizon_days,
    -- NULL in a planned row: the retailer left Open out
    coalesce(sources.is_open, sources.assumed_is_open) as is_open,
    coalesce(sources.is_promo, sources.assumed_is_promo) as is_promo,
    coalesce(sources.state_holiday, sources.assumed_state_holiday) as state_holiday,
    coalesce(sources.is_school_holiday, sources.assumed_is_school_holiday)
        as is_school_holiday,
    case when sources.is_open is null then 'assumed' else sources.row_source end as plan_source
from sources
cross join origin
order by sources.store_id, sources.plan_date
