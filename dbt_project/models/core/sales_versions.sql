with

versions as (

    select landed.*
    from {{ ref('stg_sales') }} as landed
    left join {{ ref('set_aside_sales') }} as aside
        on
            landed.store_id = aside.store_id
            and landed.sales_date = aside.sales_date
            and landed.load_id = aside.load_id
    where aside.load_id is null

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
