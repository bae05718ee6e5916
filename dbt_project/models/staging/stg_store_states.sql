with

source as (

    select files.*
    from {{ source('raw', 'store_states') }} as files
    inner join {{ ref('stg_loads') }} as loads on files.load_id = loads.load_id
    where loads.is_in_force

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
