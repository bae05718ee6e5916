-- The served rows of an origin form one vintage, even if several models made them; so do the
-- backfilled ones.
select
    forecast_origin,
    forecast_kind,
    segment_kind,
    segment,
    count(*) as rows_found
from {{ ref('forecast_accuracy') }}
where forecast_kind <> 'shadow'
group by forecast_origin, forecast_kind, segment_kind, segment
having count(*) > 1
