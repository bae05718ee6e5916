with

source as (

    select * from {{ source('raw', 'quarantined_rows') }}

),

renamed as (

    select
        load_id,
        kind,
        file_name,
        line_number,
        column_name,
        reason,
        row_text,
        quarantined_at
    from source

)

select * from renamed
