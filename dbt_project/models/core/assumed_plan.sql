select
    filled.store_id,
    filled.plan_date,
    filled.is_open,
    filled.is_promo,
    filled.state_holiday,
    filled.is_school_holiday
from {{ ref('filled_plan') }} as filled
inner join {{ ref('forecast_origin') }} as origin
    on filled.filling_origin = origin.forecast_origin
order by filled.store_id, filled.plan_date
