with

source as (

    select * from {{ source('raw', 'loads') }}

),

renamed as (

    select
        load_id,
        kind,
        file_name,
        is_bulk,
        rows_read,
        rows_landed,
        rows_restated,
        rows_unchanged,
        rows_quarantined,
        first_date,
        last_date,
        known_on,
        loaded_at
    from source

)

select * from renamed
