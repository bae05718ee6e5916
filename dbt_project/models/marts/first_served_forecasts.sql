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

first_versions as (

    select * from replaced
    union all by name
    select * from never_replaced

),

runs as (

    select
        run_id,
        run_kind
    from {{ ref('stg_forecast_runs') }}

),

all_kinds as (

    -- nobody was given the forecasts of a backfill
    select
        case runs.run_kind when 'backfill' then 'backfilled' else 'served' end as forecast_kind,
        first_versions.*
    from first_versions
    left join runs on first_versions.run_id = runs.run_id
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
