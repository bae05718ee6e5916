-- A store that is forecast has every day of the horizon: rows = stores x days at every origin.
with

by_origin as (

    select
        forecast_origin,
        count(distinct store_id) as stores,
        max(horizon_days) as days,
        count(*) as store_days
    from {{ ref('stg_forecasts') }}
    group by forecast_origin

)

select *
from by_origin
where store_days <> stores * days
