with

versions as (

    select * from {{ ref('stg_sales') }}

),

superseded as (

    select
        store_id,
        sales_date,
        sales,
        customers,
        is_open,
        is_promo,
        state_holiday,
        is_school_holiday,
        load_id,
        known_on,
        -- the earliest of all later versions, not the next one: a clock set back would otherwise
        -- leave two versions valid on the same day
        min(known_on) over (
            partition by store_id, sales_date
            order by load_id
            rows between 1 following and unbounded following
        ) as superseded_on
    from versions

)

select
    *,
    superseded_on is null as is_current
from superseded
order by store_id, sales_date, load_id
