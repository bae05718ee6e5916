with

origin as (

    select * from {{ ref('forecast_origin') }}

),

known as (

    select * from {{ ref('known_plan') }}

),

sold as (

    select
        sales.store_id,
        max(sales.sales_date) as last_sold_on
    from {{ ref('sales_versions') }} as sales
    cross join origin
    where
        sales.sales_date <= origin.forecast_origin
        and sales.sales_date > origin.forecast_origin - {{ var('active_within_days') }}
        and sales.is_open
        and sales.sales > 0
        and {{ was_known('sales', 'origin.known_by') }}
    group by sales.store_id

),

needed as (

    select {{ var('plan_min_coverage') }} * count(*) as stores_needed
    from sold

),

-- the days on which a store is planned, if it sells: only these stores show how far a plan reaches
selling_known as (

    select
        known.plan_date,
        known.first_load_id,
        needed.stores_needed
    from known
    inner join sold on known.store_id = sold.store_id
    cross join needed

),

covered as (

    select plan_date
    from selling_known
    group by plan_date
    having count(*) >= max(stores_needed)

),

chain as (

    select max(plan_date) as planned_until
    from covered

),

own_plan as (

    select
        store_id,
        max(plan_date) as ends_on,
        arg_max(first_load_id, plan_date) as last_load_id,
        max(plan_date) filter (where coalesce(is_open, true)) as last_open_on
    from known
    group by store_id

),

openings as (

    select
        known.store_id,
        min(known.plan_date) as opens_on
    from known
    cross join origin
    where
        known.plan_date >= origin.first_plan_date
        and known.is_open
        and known.was_known
    group by known.store_id

),

last_loads as (

    select distinct last_load_id
    from own_plan

),

covered_then as (

    select
        last_loads.last_load_id,
        selling_known.plan_date
    from last_loads
    inner join selling_known on last_loads.last_load_id >= selling_known.first_load_id
    group by last_loads.last_load_id, selling_known.plan_date
    having count(*) >= max(selling_known.stores_needed)

),

-- how far the plan of most stores reached when the file landed that a store's plan ends with
reached as (

    select
        last_load_id,
        max(plan_date) as reached_on
    from covered_then
    group by last_load_id

),

stores as (

    select
        stores.store_id,
        sold.last_sold_on,
        openings.opens_on,
        coalesce(
            -- the file went on for the others, and they are planned for much longer
            (
                reached.reached_on > own_plan.ends_on
                and chain.planned_until - own_plan.ends_on > {{ var('closed_after_days') }}
                and coalesce(sold.last_sold_on <= own_plan.ends_on, true)
            )
            -- the plan ends in a long closure
            or (
                own_plan.ends_on > origin.forecast_origin
                and own_plan.ends_on - greatest(sold.last_sold_on, own_plan.last_open_on)
                > {{ var('closed_after_days') }}
            ),
            false
        ) as is_closed_after_plan
    from {{ ref('dim_store') }} as stores
    cross join origin
    cross join chain
    left join sold on stores.store_id = sold.store_id
    left join openings on stores.store_id = openings.store_id
    left join own_plan on stores.store_id = own_plan.store_id
    left join reached on own_plan.last_load_id = reached.last_load_id

),

days as (

    select
        cast(unnest(generate_series(first_plan_date, last_plan_date, interval 1 day)) as date)
            as plan_date,
        last_forecast_date
    from origin

),

store_days as (

    select
        stores.store_id,
        days.plan_date,
        days.last_forecast_date,
        stores.last_sold_on,
        stores.opens_on,
        stores.is_closed_after_plan,
        known.store_id is not null as is_listed,
        covered.plan_date is not null as is_covered,
        greatest(
            stores.last_sold_on,
            max(known.plan_date) filter (where coalesce(known.is_open, true)) over (
                partition by stores.store_id
                order by days.plan_date
                rows between unbounded preceding and current row
            )
        ) as last_open_on,
        min(known.plan_date) over (
            partition by stores.store_id
            order by days.plan_date
            rows between current row and unbounded following
        ) as next_listed_on
    from stores
    cross join days
    left join known
        on
            stores.store_id = known.store_id
            and days.plan_date = known.plan_date
    left join covered on days.plan_date = covered.plan_date

),

selling as (

    select
        *,
        case
            -- a store that does not sell is closed until its own plan opens it
            when last_sold_on is null and not coalesce(plan_date >= opens_on, false) then false
            when is_listed then true
            when next_listed_on is null then not is_closed_after_plan
            -- a long gap in the store's own plan, which covers the others
            else
                not is_covered
                or next_listed_on - last_open_on - 1 <= {{ var('closed_after_days') }}
        end as is_selling
    from store_days

)

select
    store_id,
    plan_date,
    is_selling,
    last_sold_on is not null
    or bool_or(is_selling and plan_date <= last_forecast_date) over (partition by store_id)
        as is_forecast,
    last_sold_on,
    last_sold_on is not null
    and not bool_or(is_listed and plan_date <= last_forecast_date) over (partition by store_id)
    and bool_or(is_covered and plan_date <= last_forecast_date) over (partition by store_id)
        as is_left_out
from selling
order by store_id, plan_date
