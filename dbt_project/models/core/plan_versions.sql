with

ordered as (

    select
        store_id,
        plan_date,
        is_open,
        is_promo,
        state_holiday,
        is_school_holiday,
        load_id,
        version_order,
        known_on,
        landed_on,
        row_number() over in_order as version_number,
        lag(known_on) over in_order as first_known_on,
        lag(landed_on) over in_order as landed_before,
        lag(row(is_open, is_promo, state_holiday, is_school_holiday)) over in_order as said_before
    from {{ ref('stg_plan') }}
    window in_order as (partition by store_id, plan_date order by version_order)

),

compared as (

    select
        * exclude (known_on, first_known_on, landed_before),
        -- a first version in a whole file is known on its own date, a restatement when it lands
        case when version_number = 1 then known_on else landed_on end as known_on,
        case when version_number = 2 then first_known_on else landed_before end as known_before
    from ordered

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
        version_order,
        known_on,
        -- the earliest of all later versions, not the next one: an older file that arrives late, or
        -- a clock set back, would otherwise leave two versions valid on the same day
        min(known_on) over (
            partition by store_id, plan_date
            order by version_order
            rows between 1 following and unbounded following
        ) as superseded_on
    from compared
    -- a file that repeats the version before it adds no version
    where
        version_number = 1
        or said_before is distinct from row(is_open, is_promo, state_holiday, is_school_holiday)
        or known_before > known_on

)

select
    * exclude (version_order),
    superseded_on is null as is_current
from superseded
order by store_id, plan_date, version_order
