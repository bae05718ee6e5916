with

source as (

    select * from {{ source('forecasting', 'error_quantiles') }}

),

renamed as (

    select
        forecast_origin,
        shape,
        level,
        log_error,
        run_id
    from source

)

select * from renamed
