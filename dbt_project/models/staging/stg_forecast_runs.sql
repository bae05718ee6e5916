with

source as (

    select * from {{ source('forecasting', 'forecast_runs') }}

),

renamed as (

    select
        run_id,
        run_kind,
        forecast_origin,
        known_by,
        model_version,
        total_sales_unbiased / nullif(total_sales_forecast, 0) as unbiased_factor,
        started_at,
        finished_at
    from source

)

select * from renamed
