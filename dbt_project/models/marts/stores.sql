with

stores as (

    select * from {{ ref('dim_store') }}

),

forecasts as (

    select * from {{ ref('stg_forecasts') }}

),

newest_origin as (

    select max(forecast_origin) as forecast_origin from forecasts

),

forecast_stores as (

    select distinct forecasts.store_id
    from forecasts
    inner join newest_origin on forecasts.forecast_origin = newest_origin.forecast_origin

),

stores_left_out as (

    select
        left_out.store_id,
        left_out.reason
    from {{ ref('stg_stores_not_forecast') }} as left_out
    inner join newest_origin on left_out.forecast_origin = newest_origin.forecast_origin

)

select
    stores.*,
    forecast_stores.store_id is not null as is_forecast,
    stores_left_out.reason as not_forecast_reason
from stores
left join forecast_stores on stores.store_id = forecast_stores.store_id
left join stores_left_out on stores.store_id = stores_left_out.store_id
order by stores.store_id
