{{ config(meta={'dagster': {'ref': {'name': 'forecast_horizon_totals'}}}) }}
-- Errors of single stores cancel in a sum: the chain's interval is not wider than those of all its
-- stores together. The margin allows for estimates: the chain's interval comes from few origins.
with

widths as (

    select
        forecast_origin,
        days,
        max(upper_95 - lower_95) filter (where level = 'chain') as chain_width,
        sum(upper_95 - lower_95) filter (where level = 'store') as store_widths
    from {{ ref('forecast_horizon_totals') }}
    group by forecast_origin, days

)

select *
from widths
where chain_width > store_widths * 1.25
