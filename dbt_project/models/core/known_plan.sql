with

origin as (

    select * from {{ ref('forecast_origin') }}

),

plan as (

    select
        *,
        -- a later file may repeat or change the row: the first one shows how far it reached
        min(load_id) over (partition by store_id, plan_date) as first_load_id
    from {{ ref('plan_versions') }}

),

candidates as (

    select
        plan.store_id,
        plan.plan_date,
        plan.is_open,
        plan.is_promo,
        plan.state_holiday,
        plan.is_school_holiday,
        'planned' as plan_source,
        plan.first_load_id,
        true as was_known,
        1 as precedence
    from plan
    cross join origin
    where
        plan.plan_date > origin.forecast_origin - {{ var('active_within_days') }}
        and plan.plan_date <= origin.last_plan_date
        and {{ was_known('plan', 'origin.known_by') }}
    union all
    select
        sales.store_id,
        sales.sales_date as plan_date,
        sales.is_open,
        sales.is_promo,
        sales.state_holiday,
        sales.is_school_holiday,
        'actual' as plan_source,
        sales.load_id as first_load_id,
        false as was_known,
        2 as precedence
    from {{ ref('sales_versions') }} as sales
    cross join origin
    where
        sales.sales_date between origin.first_plan_date and origin.last_plan_date
        and sales.is_current
    union all
    select
        plan.store_id,
        plan.plan_date,
        plan.is_open,
        plan.is_promo,
        plan.state_holiday,
        plan.is_school_holiday,
        'planned' as plan_source,
        plan.first_load_id,
        false as was_known,
        3 as precedence
    from plan
    cross join origin
    where
        plan.plan_date between origin.first_plan_date and origin.last_plan_date
        and plan.is_current
        and plan.known_on > origin.known_by

)

select * exclude (precedence)
from candidates
qualify row_number() over (partition by store_id, plan_date order by precedence) = 1
order by store_id, plan_date
