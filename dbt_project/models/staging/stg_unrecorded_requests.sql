with

source as (

    select * from {{ source('monitoring', 'unrecorded_requests') }}

),

renamed as (

    select
        file_name,
        byte_offset,
        counted_at,
        cast(counted_at as date) as usage_date,
        requests
    from source

)

select * from renamed
