select
    filling_origin,
    is_past,
    cast(unnest(generate_series(first_plan_date, last_plan_date, interval 1 day)) as date)
        as plan_date
from {{ ref('filling_origins') }}
order by filling_origin, plan_date
