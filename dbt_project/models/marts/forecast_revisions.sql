with

forecasts as (

    select
        forecast_origin,
        store_id,
        target_date,
        sales_forecast
    from {{ ref('stg_forecasts') }}

),

origins as (

    select
        forecast_origin,
        lag(forecast_origin) over (order by forecast_origin) as previous_origin
    from forecasts
    group by forecast_origin

)

select
    newer.store_id,
    newer.target_date,
    newer.forecast_origin,
    origins.previous_origin,
    newer.sales_forecast,
    older.sales_forecast as previous_forecast,
    newer.sales_forecast - older.sales_forecast as change,
    case
        when older.sales_forecast > 0
            then newer.sales_forecast / older.sales_forecast - 1
    end as change_share
from forecasts as newer
inner join origins on newer.forecast_origin = origins.forecast_origin
inner join forecasts as older
    on
        origins.previous_origin = older.forecast_origin
        and newer.store_id = older.store_id
        and newer.target_date = older.target_date
order by newer.forecast_origin, newer.store_id, newer.target_date
