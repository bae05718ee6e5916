{{ config(materialized='view') }}

with

replaced as (

    -- the first served version of forecasts that a later run at the same origin replaced
    select * exclude (replaced_at)
    from {{ ref('stg_forecast_history') }}
    qualify row_number() over (
        partition by forecast_origin, store_id, target_date
        order by replaced_at
    ) = 1

),

never_replaced as (

    select forecasts.*
    from {{ ref('stg_forecasts') }} as forecasts
    anti join replaced
        on
            forecasts.forecast_origin = replaced.forecast_origin
            and forecasts.store_id = replaced.store_id
            and forecasts.target_date = replaced.target_date

),

in_shadow as (

    select * from {{ ref('stg_shadow_forecasts') }}

),

all_kinds as (

    select
        'served' as forecast_kind,
        *
    from replaced
    union all by name
    select
        'served' as forecast_kind,
        *
    from never_replaced
    union all by name
    select
        'shadow' as forecast_kind,
        *
    from in_shadow

)

select
    forecast_kind,
    forecast_origin,
    store_id,
    target_date,
    horizon_days,
    is_open,
    sales_forecast,
    lower_80,
    upper_80,
    lower_95,
    upper_95,
    model_version,
    run_id
from all_kinds
