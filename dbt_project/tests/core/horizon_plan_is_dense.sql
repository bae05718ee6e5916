{{ config(meta={'dagster': {'ref': {'name': 'horizon_plan'}}}) }}
-- At this build's origin every store has one row for each day from the next one to the last.
select
    horizon.store_id,
    count(*) as rows_found,
    origin.last_plan_date - origin.forecast_origin as rows_expected
from {{ ref('horizon_plan') }} as horizon
inner join {{ ref('forecast_origin') }} as origin
    on horizon.forecast_origin = origin.forecast_origin
group by horizon.store_id, origin.forecast_origin, origin.last_plan_date
having
    count(*) <> origin.last_plan_date - origin.forecast_origin
    or min(horizon.plan_date) <> origin.forecast_origin + 1
    or max(horizon.plan_date) <> origin.last_plan_date
    or bool_or(horizon.horizon_days <> horizon.plan_date - origin.forecast_origin)
