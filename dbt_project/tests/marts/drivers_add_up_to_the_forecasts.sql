{{ config(meta={'dagster': {'ref': {'name': 'stg_forecast_drivers'}}}) }}
-- At an origin that is explained every open day has drivers, no closed one has, and they add up to
-- the forecast and to its log.
with

explained_origins as (

    select distinct forecast_origin from {{ ref('stg_forecast_drivers') }}

),

forecasts as (

    select forecasts.*
    from {{ ref('stg_forecasts') }} as forecasts
    inner join explained_origins
        on forecasts.forecast_origin = explained_origins.forecast_origin
    where forecasts.is_open

),

sums as (

    select
        forecast_origin,
        store_id,
        target_date,
        level_log
        + weekday_log
        + promo_log
        + holidays_log
        + season_log
        + trend_log
        + competition_log
        + bias_factor_log
            as total_log,
        level_eur
        + weekday_eur
        + promo_eur
        + holidays_eur
        + season_eur
        + trend_eur
        + competition_eur
        + bias_factor_eur
            as total_eur
    from {{ ref('stg_forecast_drivers') }}

)

select
    coalesce(forecasts.forecast_origin, sums.forecast_origin) as forecast_origin,
    coalesce(forecasts.store_id, sums.store_id) as store_id,
    coalesce(forecasts.target_date, sums.target_date) as target_date,
    forecasts.sales_forecast,
    sums.total_log,
    sums.total_eur
from forecasts
full join sums
    on
        forecasts.forecast_origin = sums.forecast_origin
        and forecasts.store_id = sums.store_id
        and forecasts.target_date = sums.target_date
where
    (abs(ln(forecasts.sales_forecast) - sums.total_log) < 0.000000001) is not true
    or (abs(forecasts.sales_forecast - sums.total_eur) < 0.000001) is not true
