{# The eight weeks up to the origin decide on which weekdays a store opens: eight days each. #}
{% set pattern_days = 56 %}

with

origins as (

    select * from {{ ref('filling_origins') }}

),

stores as (

    select store_id from {{ ref('dim_store') }}

),

weekdays as (

    select cast(unnest(range(1, 8)) as integer) as day_of_week

),

sold as (

    select
        origins.filling_origin,
        sales.store_id,
        sales.sales_date as known_date,
        sales.is_open,
        sales.state_holiday
    from {{ ref('sales_versions') }} as sales
    inner join origins
        on
            sales.sales_date <= origins.filling_origin
            and sales.sales_date > origins.filling_origin - {{ pattern_days }}
            and {{ was_known('sales', 'origins.known_by') }}

),

planned as (

    select
        origins.filling_origin,
        plan.store_id,
        plan.plan_date as known_date,
        plan.is_open,
        plan.state_holiday
    from {{ ref('plan_versions') }} as plan
    inner join origins
        on
            not origins.is_past
            and plan.plan_date between origins.first_plan_date and origins.last_plan_date
            and {{ was_known('plan', 'origins.known_by') }}
    where plan.is_open is not null

),

known as (

    select * from sold
    union all
    select * from planned

),

trading as (

    -- a week in which a store never opens says nothing about its weekdays
    select
        *,
        bool_or(is_open)
            over (partition by filling_origin, store_id, date_trunc('week', known_date))
            as opens_that_week
    from known

),

store_pattern as (

    select
        filling_origin,
        store_id,
        cast(isodow(known_date) as integer) as day_of_week,
        {{ majority('is_open') }} as is_open
    from trading
    where opens_that_week and state_holiday = '0'
    group by filling_origin, store_id, isodow(known_date)
    -- one day says little: the one Saturday of a week may be that of its stocktaking
    having count(*) > 1

),

group_pattern as (

    select
        pattern.filling_origin,
        pattern.day_of_week,
        groups.group_id,
        {{ majority('pattern.is_open') }} as is_open
    from store_pattern as pattern
    inner join {{ ref('store_groups') }} as groups on pattern.store_id = groups.store_id
    group by pattern.filling_origin, pattern.day_of_week, groups.group_id, groups.group_level
    having {{ speaks_for_group('count(*)', 'groups.group_level') }}

),

-- the store itself, else the smallest group that has a pattern
nearest as (

    select
        pattern.filling_origin,
        groups.store_id,
        pattern.day_of_week,
        arg_min(pattern.is_open, groups.group_rank) as is_open,
        arg_min(groups.group_level, groups.group_rank) as group_level
    from group_pattern as pattern
    inner join {{ ref('store_groups') }} as groups on pattern.group_id = groups.group_id
    group by pattern.filling_origin, groups.store_id, pattern.day_of_week

),

shut as (

    -- the last known days, sold or planned, are closed ones
    select
        filling_origin,
        store_id,
        max(known_date) as last_known_date,
        max(known_date) filter (where is_open) as last_open_date
    from known
    group by filling_origin, store_id

)

select
    origins.filling_origin,
    stores.store_id,
    weekdays.day_of_week,
    -- a chain without any history opens from Monday to Saturday
    coalesce(nearest.is_open, weekdays.day_of_week <= 6) as is_open,
    coalesce(nearest.group_level, 'default') as pattern_source,
    case
        when
            shut.last_open_date is null
            or shut.last_known_date - shut.last_open_date >= {{ var('filling_closure_days') }}
            then shut.last_known_date
    end as shut_since
from origins
cross join stores
cross join weekdays
left join nearest
    on
        origins.filling_origin = nearest.filling_origin
        and stores.store_id = nearest.store_id
        and weekdays.day_of_week = nearest.day_of_week
left join shut
    on
        origins.filling_origin = shut.filling_origin
        and stores.store_id = shut.store_id
order by origins.filling_origin, stores.store_id, weekdays.day_of_week
