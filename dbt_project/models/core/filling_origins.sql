{# A build for a past origin fills the plan of that origin alone. #}
{% set past_origins = 0 if var('forecast_origin') else var('filling_past_origins') %}

with

origin as (

    select * from {{ ref('forecast_origin') }}

),

first_day as (

    select min(sales_date) as sales_date from {{ ref('sales_versions') }}

),

numbered as (

    select
        origin.forecast_origin as newest_origin,
        origin.known_by,
        origin.first_plan_date,
        origin.last_forecast_date,
        origin.last_plan_date,
        cast(unnest(range(0, {{ past_origins + 1 }})) as integer) as number_back
    from origin

),

dated as (

    select
        *,
        number_back * {{ var('filling_origin_step_days') }} as days_back
    from numbered

)

select
    dated.newest_origin - dated.days_back as filling_origin,
    dated.known_by,
    dated.first_plan_date - dated.days_back as first_plan_date,
    -- the days after the horizon are not forecast, so a past origin does not judge them
    case when dated.number_back = 0 then dated.last_plan_date else dated.last_forecast_date end
    - dated.days_back as last_plan_date,
    dated.number_back > 0 as is_past
from dated
cross join first_day
where
    dated.number_back = 0
    or dated.newest_origin - dated.days_back
    >= first_day.sales_date + {{ var('filling_min_history_days') }}
order by filling_origin
