with

stores as (

    select *
    from {{ ref('stg_stores') }}
    qualify row_number() over (partition by store_id order by load_id desc) = 1

),

states as (

    select *
    from {{ ref('stg_store_states') }}
    qualify row_number() over (partition by store_id order by load_id desc) = 1

),

history as (

    select
        store_id,
        min(sales_date) as first_sales_date,
        max(sales_date) as last_sales_date,
        count(*) as observed_days
    from {{ ref('sales_versions') }}
    where is_current
    group by store_id

)

select
    stores.store_id,
    stores.store_type,
    stores.assortment,
    stores.competition_distance_m,
    stores.competition_open_since,
    stores.has_promo2,
    stores.promo2_since,
    stores.promo2_months,
    states.state,
    history.first_sales_date,
    history.last_sales_date,
    coalesce(history.observed_days, 0) as observed_days
from stores
left join states on stores.store_id = states.store_id
left join history on stores.store_id = history.store_id
order by stores.store_id
