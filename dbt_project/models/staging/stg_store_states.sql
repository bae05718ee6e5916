with

source as (

    select * from {{ source('raw', 'store_states') }}

),

renamed as (

    select
        store as store_id,
        nullif(upper(replace(state, ' ', '')), '') as state,
        load_id,
        line_number,
        known_on
    from source

)

select * from renamed
