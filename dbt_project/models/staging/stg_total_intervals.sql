with

source as (

    select * from {{ source('forecasting', 'total_intervals') }}

),

renamed as (

    select
        forecast_origin,
        level,
        segment,
        first_date,
        last_date,
        unbiased_factor,
        lower_80_factor,
        upper_80_factor,
        lower_95_factor,
        upper_95_factor,
        run_id,
        error_scale,
        error_shape
    from source

)

select * from renamed
