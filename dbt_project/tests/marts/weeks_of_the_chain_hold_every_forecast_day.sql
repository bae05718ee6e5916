{{ config(meta={'dagster': {'ref': {'name': 'forecast_totals'}}}) }}
-- The days of the chain's weeks add up to the days forecast, and every week starts on a Monday.
with

forecast_days as (

    select
        forecast_origin,
        count(distinct target_date) as days
    from {{ ref('stg_forecasts') }}
    group by forecast_origin

),

week_days as (

    select
        forecast_origin,
        sum(days) as days,
        bool_and(isodow(week_start) = 1) as starts_on_monday
    from {{ ref('forecast_totals') }}
    where level = 'chain'
    group by forecast_origin

)

select
    forecast_days.*,
    week_days.days as days_of_weeks
from forecast_days
left join week_days
    on
        forecast_days.forecast_origin = week_days.forecast_origin
where
    forecast_days.days is distinct from week_days.days
    or week_days.starts_on_monday is not true
