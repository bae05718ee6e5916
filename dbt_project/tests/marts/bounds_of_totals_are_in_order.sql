{{ config(meta={'dagster': {'ref': {'name': 'forecast_totals'}}}) }}
-- Bounds are in order around the sum and the unbiased total, all present or none, and 0 where no
-- store opens.
with

totals as (

    select
        level,
        segment,
        cast(week_start as varchar) as span,
        columns('^(forecast_origin|open_.*|sales_.*|lower_.*|upper_.*)$')
    from {{ ref('forecast_totals') }}
    union all
    select
        level,
        segment,
        cast(days as varchar) as span,
        columns('^(forecast_origin|open_.*|sales_.*|lower_.*|upper_.*)$')
    from {{ ref('forecast_horizon_totals') }}

)

select *
from totals
where
    (
        lower_95 <= lower_80
        and lower_80 <= least(sales_forecast, sales_unbiased)
        and greatest(sales_forecast, sales_unbiased) <= upper_80
        and upper_80 <= upper_95
    ) is false
    or (
        sales_unbiased + lower_80 + upper_80 + lower_95 + upper_95 is null
        and coalesce(sales_unbiased, lower_80, upper_80, lower_95, upper_95) is not null
    )
    or (open_store_days = 0 and (upper_95 = 0) is not true)
