-- Readers may take the served rows of an origin for one vintage, whichever models made it.
select
    forecast_origin,
    segment_kind,
    segment,
    count(*) as rows_found
from {{ ref('forecast_accuracy') }}
where forecast_kind = 'served'
group by forecast_origin, segment_kind, segment
having count(*) > 1
