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
        rows_passed_over,
        rows_taken_back,
        rows_quarantined,
        first_date,
        last_date,
        file_date,
        known_on,
        loaded_at,
        replaced_by,
        replaced_from,
        withdrawn_on,
        withdrawn_because,
        load_id = max(load_id) filter (where withdrawn_on is null)
            over (partition by kind, file_name) as is_newest_edition
    from source

)

select * from renamed
