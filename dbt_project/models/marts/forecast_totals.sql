with

forecasts as (

    select * from {{ ref('stg_forecasts') }}

),

stores as (

    select * from {{ ref('dim_store') }}

),

store_days as (

    select
        forecasts.forecast_origin,
        forecasts.scenario,
        forecasts.store_id,
        stores.store_type,
        stores.assortment,
        coalesce(stores.state, 'unknown') as state,
        forecasts.target_date,
        cast(date_trunc('week', forecasts.target_date) as date) as week_start,
        forecasts.is_open,
        forecasts.sales_forecast
    from forecasts
    inner join stores on forecasts.store_id = stores.store_id

)

select
    forecast_origin,
    scenario,
    case
        when grouping(store_id) = 0 then 'store'
        when grouping(store_type) = 0 then 'store_type'
        when grouping(assortment) = 0 then 'assortment'
        when grouping(state) = 0 then 'state'
        else 'chain'
    end as level,
    coalesce(cast(store_id as varchar), store_type, assortment, state, 'all') as segment,
    week_start,
    -- a bit for each weekday: a tenth of what count(distinct) costs
    cast(bit_count(bit_or(1 << isodow(target_date))) as integer) as days,
    count(*) as store_days,
    count(*) filter (where is_open) as open_store_days,
    {{ exact_sum('sales_forecast') }} as sales_forecast
from store_days
group by
    grouping sets (
        (forecast_origin, scenario, week_start),
        (forecast_origin, scenario, week_start, store_type),
        (forecast_origin, scenario, week_start, assortment),
        (forecast_origin, scenario, week_start, state),
        (forecast_origin, scenario, week_start, store_id)
    )
order by forecast_origin, level, segment, week_start, scenario
