with

source as (

    select files.*
    from {{ source('raw', 'quarantined_rows') }} as files
    inner join {{ ref('stg_loads') }} as loads on files.load_id = loads.load_id
    where loads.is_newest_edition

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
