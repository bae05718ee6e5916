{{ config(meta={'dagster': {'ref': {'name': 'stg_forecasts'}}}) }}
-- At this build's origin, once it is scored, the forecasts have the stores and days of its horizon
-- and are open and closed by its plan; a forecast from an older plan fails here.
with

origin as (

    select * from {{ ref('forecast_origin') }}

),

forecasts as (

    select forecasts.*
    from {{ ref('stg_forecasts') }} as forecasts
    inner join origin on forecasts.forecast_origin = origin.forecast_origin

),

horizon as (

    select horizon_plan.*
    from {{ ref('horizon_plan') }} as horizon_plan
    inner join origin on horizon_plan.forecast_origin = origin.forecast_origin
    where
        horizon_plan.plan_date <= origin.last_forecast_date
        and exists (select 1 from forecasts)

)

select
    coalesce(forecasts.store_id, horizon.store_id) as store_id,
    coalesce(forecasts.target_date, horizon.plan_date) as target_date,
    forecasts.is_open as forecast_open,
    horizon.is_open as planned_open
from forecasts
full join horizon
    on
        forecasts.store_id = horizon.store_id
        and forecasts.target_date = horizon.plan_date
where
    forecasts.is_open is distinct from horizon.is_open
    or forecasts.plan_source is distinct from horizon.plan_source
