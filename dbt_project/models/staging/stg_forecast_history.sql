with

source as (

    select * from {{ source('forecasting', 'forecast_history') }}

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
        error_scale,
        replaced_at
    from source

)

select * from renamed
