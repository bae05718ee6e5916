{%- set asked = var('forecast_origin') -%}
{%- set origin = "date '" ~ asked ~ "'" if asked else 'newest_complete_date' -%}

with

complete_days as (

    select max(sales_date) as newest_complete_date
    from {{ ref('data_completeness') }}
    where coverage >= {{ var('origin_min_coverage') }}

),

chosen as (

    select
        newest_complete_date,
        {{ origin }} as forecast_origin,
        date '{{ var("known_by") }}' as known_by
    from complete_days

)

select
    forecast_origin,
    known_by,
    newest_complete_date,
    forecast_origin + 1 as first_plan_date,
    forecast_origin + {{ var('horizon_days') }} as last_forecast_date,
    forecast_origin + {{ var('horizon_days') + var('plan_lookahead_days') }} as last_plan_date
from chosen
