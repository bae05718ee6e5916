with

source as (

    select * from {{ source('forecasting', 'model_versions') }}

),

renamed as (

    select
        model_version,
        family,
        profile,
        trained_through,
        created_at
    from source

)

select * from renamed
