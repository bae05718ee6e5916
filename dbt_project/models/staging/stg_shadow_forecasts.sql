with

source as (

    select * from {{ source('forecasting', 'shadow_forecasts') }}

),

renamed as (

    select
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
        run_id,
        plan_source,
        sales_median,
        error_scale
    from source

)

select * from renamed
