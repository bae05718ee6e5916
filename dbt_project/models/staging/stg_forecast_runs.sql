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
        started_at,
        finished_at
    from source

)

select * from renamed
