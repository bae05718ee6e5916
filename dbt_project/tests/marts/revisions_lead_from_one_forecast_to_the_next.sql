{{ config(meta={'dagster': {'ref': {'name': 'forecast_revisions'}}}) }}
-- Both ends of every revision are forecasts, and the change is their difference.
select revisions.*
from {{ ref('forecast_revisions') }} as revisions
left join {{ ref('stg_forecasts') }} as newer
    on
        revisions.forecast_origin = newer.forecast_origin
        and revisions.store_id = newer.store_id
        and revisions.target_date = newer.target_date
left join {{ ref('stg_forecasts') }} as older
    on
        revisions.previous_origin = older.forecast_origin
        and revisions.store_id = older.store_id
        and revisions.target_date = older.target_date
where
    revisions.sales_forecast is distinct from newer.sales_forecast
    or revisions.previous_forecast is distinct from older.sales_forecast
    or abs(revisions.previous_forecast + revisions.change - revisions.sales_forecast) > 0.001
