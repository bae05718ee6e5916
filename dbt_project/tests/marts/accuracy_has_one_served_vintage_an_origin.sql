-- The served rows of an origin form one vintage, even if several models made them.
select
    forecast_origin,
    segment_kind,
    segment,
    count(*) as rows_found
from {{ ref('forecast_accuracy') }}
where forecast_kind = 'served'
group by forecast_origin, segment_kind, segment
having count(*) > 1
