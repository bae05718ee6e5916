{{ config(meta={'dagster': {'ref': {'name': 'horizon_plan'}}}) }}
-- At this build's origin every plan row known by then is in horizon_plan with its promotion, its
-- holidays and, unless the retailer left it out, its opening.
with

origin as (

    select * from {{ ref('forecast_origin') }}

),

planned as (

    select plan.*
    from {{ ref('plan_versions') }} as plan
    cross join origin
    where
        plan.plan_date between origin.first_plan_date and origin.last_forecast_date
        and {{ was_known('plan', 'origin.known_by') }}

),

horizon as (

    select horizon_plan.*
    from {{ ref('horizon_plan') }} as horizon_plan
    inner join origin on horizon_plan.forecast_origin = origin.forecast_origin

)

select
    planned.store_id,
    planned.plan_date,
    planned.is_open as planned_open,
    horizon.is_open as horizon_open,
    horizon.plan_source
from planned
left join horizon
    on
        planned.store_id = horizon.store_id
        and planned.plan_date = horizon.plan_date
where
    horizon.store_id is null
    or coalesce(planned.is_open, horizon.is_open) <> horizon.is_open
    or planned.is_promo <> horizon.is_promo
    or planned.state_holiday <> horizon.state_holiday
    or planned.is_school_holiday <> horizon.is_school_holiday
    or (planned.is_open is null) <> (horizon.plan_source = 'assumed')
