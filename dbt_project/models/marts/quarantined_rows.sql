with

set_aside as (

    select * from {{ ref('stg_quarantined_rows') }}

)

select
    load_id,
    kind,
    file_name,
    line_number,
    column_name,
    reason,
    row_text,
    quarantined_at
from set_aside
order by load_id, file_name, line_number
