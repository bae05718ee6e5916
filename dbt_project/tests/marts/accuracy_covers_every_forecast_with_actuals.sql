{{ config(meta={'dagster': {'ref': {'name': 'forecast_accuracy'}}}) }}
-- The evaluated store-days are the forecast store-days that were open and sold: none is dropped and
-- none counted twice, even if a forecast was replaced.
with

served as (

    select
        forecast_origin,
        store_id,
        target_date
    from {{ ref('stg_forecasts') }}
    union all
    -- store-days that were served once and have no forecast now
    select distinct
        history.forecast_origin,
        history.store_id,
        history.target_date
    from {{ ref('stg_forecast_history') }} as history
    anti join {{ ref('stg_forecasts') }} as forecasts
        on
            history.forecast_origin = forecasts.forecast_origin
            and history.store_id = forecasts.store_id
            and history.target_date = forecasts.target_date

),

came_true as (

    select
        served.forecast_origin,
        count(*) as store_days
    from served
    inner join {{ ref('fct_daily_sales') }} as sales
        on
            served.store_id = sales.store_id
            and served.target_date = sales.sales_date
    where sales.is_open and sales.sales > 0
    group by served.forecast_origin

),

judged as (

    select
        forecast_origin,
        sum(store_days) as store_days
    from {{ ref('forecast_accuracy') }}
    where segment_kind = 'overall' and forecast_kind in ('served', 'backfilled')
    group by forecast_origin

)

select
    came_true.forecast_origin,
    came_true.store_days as store_days_that_came_true,
    judged.store_days as store_days_judged
from came_true
full join judged on came_true.forecast_origin = judged.forecast_origin
where came_true.store_days is distinct from judged.store_days
