with

forecasts as (

    select * from {{ ref('stg_forecasts') }}

),

stores as (

    select * from {{ ref('dim_store') }}

),

intervals as (

    select * from {{ ref('stg_total_intervals') }}

),

horizons as (

    select
        forecast_origin,
        max(horizon_days) as horizon_days
    from forecasts
    group by forecast_origin

),

first_days as (

    select
        forecast_origin,
        horizon_days as days
    from horizons
    union distinct
    select
        horizons.forecast_origin,
        choices.days
    from horizons
    inner join (values (7), (14), (28), (42)) as choices (days)
        on horizons.horizon_days > choices.days

),

store_totals as (

    select
        forecasts.forecast_origin,
        forecasts.store_id,
        stores.store_type,
        stores.assortment,
        coalesce(stores.state, 'unknown') as state,
        first_days.days,
        count(*) as store_days,
        count(*) filter (where forecasts.is_open) as open_store_days,
        {{ exact_sum('forecasts.sales_forecast') }} as sales_forecast
    from forecasts
    inner join stores on forecasts.store_id = stores.store_id
    inner join first_days
        on
            forecasts.forecast_origin = first_days.forecast_origin
            and forecasts.horizon_days <= first_days.days
    group by all

),

sums as (

    select
        forecast_origin,
        {{ total_level() }} as level,
        {{ total_segment() }} as segment,
        days,
        sum(store_days) as store_days,
        sum(open_store_days) as open_store_days,
        {{ exact_sum('sales_forecast') }} as sales_forecast
    from store_totals
    group by
        grouping sets (
            (forecast_origin, days),
            (forecast_origin, days, store_type),
            (forecast_origin, days, assortment),
            (forecast_origin, days, state),
            (forecast_origin, days, store_id)
        )

)

select
    sums.forecast_origin,
    sums.level,
    sums.segment,
    sums.days,
    sums.forecast_origin + sums.days as last_date,
    cast(sums.store_days as bigint) as store_days,
    cast(sums.open_store_days as bigint) as open_store_days,
    sums.sales_forecast,
    {{ total_columns('sums', 'intervals') }}
from sums
left join intervals
    on
        sums.forecast_origin = intervals.forecast_origin
        and sums.level = intervals.level
        and sums.segment = intervals.segment
        and sums.forecast_origin + 1 = intervals.first_date
        and sums.forecast_origin + sums.days = intervals.last_date
order by sums.forecast_origin, sums.level, sums.segment, sums.days
