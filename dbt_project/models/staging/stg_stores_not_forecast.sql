with

source as (

    select * from {{ source('forecasting', 'stores_not_forecast') }}

),

renamed as (

    select
        forecast_origin,
        store_id,
        reason
    from source

)

select * from renamed
