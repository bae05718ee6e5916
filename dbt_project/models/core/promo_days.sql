with

origins as (

    select * from {{ ref('filling_origins') }}

),

newest as (

    select * from origins
    where not is_past

),

span as (

    select
        min(filling_origin)
        - {{ var('filling_scored_days') }}
        - list_max({{ var('filling_promo_lags_days') }}) as first_date
    from origins

),

groups as (

    select * from {{ ref('store_groups') }}

),

store_days as (

    select
        sales.store_id,
        sales.sales_date as known_date,
        sales.is_promo
    from {{ ref('sales_versions') }} as sales
    cross join newest
    cross join span
    where
        sales.sales_date <= newest.filling_origin
        and sales.sales_date >= span.first_date
        and {{ was_known('sales', 'newest.known_by') }}
    union all
    select
        plan.store_id,
        plan.plan_date as known_date,
        plan.is_promo
    from {{ ref('plan_versions') }} as plan
    cross join newest
    where
        plan.plan_date between newest.first_plan_date and newest.last_plan_date
        and {{ was_known('plan', 'newest.known_by') }}

)

select
    groups.group_id,
    store_days.known_date,
    store_days.is_promo
from store_days
inner join groups on store_days.store_id = groups.store_id
where groups.group_level = 'store'
union all
select
    groups.group_id,
    store_days.known_date,
    {{ majority('store_days.is_promo') }} as is_promo
from store_days
inner join groups on store_days.store_id = groups.store_id
where groups.group_level <> 'store' and groups.is_active
group by groups.group_id, groups.group_level, store_days.known_date
having
    count(*) >= {{ var('filling_min_group_share') }} * max(groups.active_stores)
    and {{ speaks_for_group('count(*)', 'groups.group_level') }}
