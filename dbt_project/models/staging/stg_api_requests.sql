with

source as (

    select * from {{ source('monitoring', 'api_requests') }}

),

renamed as (

    select
        file_name,
        byte_offset,
        request_id,
        answered_at,
        cast(answered_at as date) as usage_date,
        method,
        path,
        status,
        milliseconds,
        stores,
        store_ids,
        is_what_if,
        generation_id,
        key_name
    from source

)

select * from renamed
