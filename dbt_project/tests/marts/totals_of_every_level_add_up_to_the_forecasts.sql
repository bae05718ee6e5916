{{ config(meta={'dagster': {'ref': {'name': 'forecast_totals'}}}) }}
-- Chain = store types = assortments = states = stores = the forecasts themselves, for every origin,
-- in EUR and in store-days.
with

forecasts as (

    select
        forecast_origin,
        sum(cast(sales_forecast as decimal(38, 4))) as sales_forecast,
        count(*) as store_days,
        count(*) filter (where is_open) as open_store_days
    from {{ ref('stg_forecasts') }}
    group by forecast_origin

),

levels as (

    select cast(unnest(['chain', 'store_type', 'assortment', 'state', 'store']) as varchar) as level

),

totals as (

    select
        forecast_origin,
        level,
        sum(cast(sales_forecast as decimal(38, 4))) as sales_forecast,
        sum(store_days) as store_days,
        sum(open_store_days) as open_store_days
    from {{ ref('forecast_totals') }}
    group by forecast_origin, level

)

select
    forecasts.forecast_origin,
    levels.level,
    forecasts.sales_forecast,
    totals.sales_forecast as total_sales_forecast,
    forecasts.store_days,
    totals.store_days as total_store_days
from forecasts
cross join levels
full join totals
    on
        forecasts.forecast_origin = totals.forecast_origin
        and levels.level = totals.level
where
    -- a very large total has fewer than four exact decimals as a double
    (abs(forecasts.sales_forecast - totals.sales_forecast) < 0.01) is not true
    or forecasts.store_days is distinct from totals.store_days
    or forecasts.open_store_days is distinct from totals.open_store_days
