with

origin as (

    select * from {{ ref('forecast_origin') }}

),

stores as (

    select
        store_id,
        store_type,
        assortment,
        coalesce(state, '-') as state
    from {{ ref('dim_store') }}

),

active as (

    select distinct sales.store_id
    from {{ ref('sales_versions') }} as sales
    cross join origin
    where
        sales.sales_date <= origin.forecast_origin
        and sales.sales_date > origin.forecast_origin - {{ var('active_within_days') }}
        and sales.is_open
        and sales.sales > 0
        and {{ was_known('sales', 'origin.known_by') }}

),

listed as (

    select
        store_id,
        0 as group_rank,
        'store' as group_level,
        cast(store_id as varchar) as group_name
    from stores
    union all
    select
        store_id,
        1 as group_rank,
        'state, type, assortment' as group_level,
        concat_ws('/', state, store_type, assortment) as group_name
    from stores
    union all
    select
        store_id,
        2 as group_rank,
        'type, assortment' as group_level,
        concat_ws('/', store_type, assortment) as group_name
    from stores
    union all
    select
        store_id,
        3 as group_rank,
        'state' as group_level,
        state as group_name
    from stores
    union all
    select
        store_id,
        4 as group_rank,
        'chain' as group_level,
        'chain' as group_name
    from stores

)

select
    listed.store_id,
    cast(listed.group_rank as integer) as group_rank,
    listed.group_level,
    cast(dense_rank() over (order by listed.group_rank, listed.group_name) as integer)
        as group_id,
    active.store_id is not null as is_active,
    count(active.store_id) over (partition by listed.group_rank, listed.group_name)
        as active_stores
from listed
left join active on listed.store_id = active.store_id
order by listed.store_id, listed.group_rank
