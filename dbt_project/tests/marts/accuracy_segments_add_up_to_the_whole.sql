-- In every vintage each kind of segment has as many store-days as the whole.
with

by_kind as (

    select
        forecast_origin,
        forecast_kind,
        model_version,
        segment_kind,
        sum(store_days) as store_days
    from {{ ref('forecast_accuracy') }}
    group by forecast_origin, forecast_kind, model_version, segment_kind

)

select
    forecast_origin,
    forecast_kind,
    model_version,
    count(*) as kinds,
    min(store_days) as fewest_store_days,
    max(store_days) as most_store_days
from by_kind
group by forecast_origin, forecast_kind, model_version
having count(*) <> 7 or min(store_days) <> max(store_days)
