with

versions as (

    select * from {{ ref('stg_plan') }}

),

superseded as (

    select
        store_id,
        plan_date,
        is_open,
        is_promo,
        state_holiday,
        is_school_holiday,
        load_id,
        known_on,
        min(known_on) over (
            partition by store_id, plan_date
            order by load_id
            rows between 1 following and unbounded following
        ) as superseded_on
    from versions

)

select
    *,
    superseded_on is null as is_current
from superseded
order by store_id, plan_date, load_id
