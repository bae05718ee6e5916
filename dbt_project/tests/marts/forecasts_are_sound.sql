-- A closed day has 0, an open one no negative sales; bounds are in order around the forecast;
-- median and error scale, if there are any, give quantiles that do not cross;
-- horizon_days is the distance from the origin.
select *
from {{ ref('stg_forecasts') }}
where
    not is_open and (sales_forecast <> 0 or upper_95 <> 0)
    or sales_forecast < 0
    or not isfinite(sales_forecast)
    or (
        lower_95 <= lower_80 and lower_80 <= sales_forecast
        and sales_forecast <= upper_80 and upper_80 <= upper_95
    ) is not true
    or (sales_median >= 0 and error_scale >= 0 and (is_open or sales_median = 0)) is false
    or horizon_days < 1
    or horizon_days <> target_date - forecast_origin
