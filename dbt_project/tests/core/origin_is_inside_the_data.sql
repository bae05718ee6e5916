{{ config(meta={'dagster': {'ref': {'name': 'forecast_origin'}}}) }}
-- An origin given as a variable is a day with sales of the chain.
with

days as (

    select
        min(sales_date) as first_date,
        max(sales_date) as newest_date
    from {{ ref('data_completeness') }}

)

select
    origin.forecast_origin,
    days.first_date,
    days.newest_date
from {{ ref('forecast_origin') }} as origin
cross join days
where origin.forecast_origin not between days.first_date and days.newest_date
