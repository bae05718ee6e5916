-- A greater level has no smaller error, so that quantiles do not cross, and the median has none.
with

errors as (

    select
        *,
        lag(log_error) over (partition by forecast_origin, shape order by level) as error_below
    from {{ ref('stg_error_quantiles') }}

)

select *
from errors
where
    log_error < error_below
    or level not between 0.01 and 0.99
    or (level = 0.5 and log_error <> 0)
