{{ config(meta={'dagster': {'ref': {'name': 'stg_shadow_forecasts'}}}) }}
-- A challenger in shadow forecasts days that the champion forecast too, with 0 on closed days and
-- bounds in order, and is never the model that serves them. A day that a later run no longer
-- forecasts may stay in the shadow forecasts of an earlier run.
select shadow.*
from {{ ref('stg_shadow_forecasts') }} as shadow
left join {{ ref('stg_forecasts') }} as served
    on
        shadow.forecast_origin = served.forecast_origin
        and shadow.store_id = served.store_id
        and shadow.target_date = served.target_date
where
    not shadow.is_open and (shadow.sales_forecast <> 0 or shadow.upper_95 <> 0)
    or not isfinite(shadow.sales_forecast)
    or (
        shadow.lower_95 >= 0 and shadow.lower_95 <= shadow.lower_80
        and shadow.lower_80 <= shadow.sales_forecast
        and shadow.sales_forecast <= shadow.upper_80 and shadow.upper_80 <= shadow.upper_95
    ) is not true
    or served.run_id = shadow.run_id
    and (served.model_version = shadow.model_version or served.is_open <> shadow.is_open)
    or served.store_id is null
    and shadow.run_id in (select newest.run_id from {{ ref('stg_forecasts') }} as newest)
