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

store_days as (

    select
        forecasts.forecast_origin,
        forecasts.store_id,
        stores.store_type,
        stores.assortment,
        coalesce(stores.state, 'unknown') as state,
        forecasts.target_date,
        cast(date_trunc('week', forecasts.target_date) as date) as week_start,
        forecasts.is_open,
        forecasts.sales_forecast
    from forecasts
    inner join stores on forecasts.store_id = stores.store_id

),

sums as (

    select
        forecast_origin,
        {{ total_level() }} as level,
        {{ total_segment() }} as segment,
        week_start,
        min(target_date) as first_date,
        max(target_date) as last_date,
        -- a bit for each weekday: a tenth of what count(distinct) costs
        cast(bit_count(bit_or(1 << isodow(target_date))) as integer) as days,
        count(*) as store_days,
        count(*) filter (where is_open) as open_store_days,
        {{ exact_sum('sales_forecast') }} as sales_forecast
    from store_days
    group by
        grouping sets (
            (forecast_origin, week_start),
            (forecast_origin, week_start, store_type),
            (forecast_origin, week_start, assortment),
            (forecast_origin, week_start, state),
            (forecast_origin, week_start, store_id)
        )

)

select
    sums.forecast_origin,
    sums.level,
    sums.segment,
    sums.week_start,
    sums.days,
    sums.store_days,
    sums.open_store_days,
    sums.sales_forecast,
    {{ total_columns('sums', 'intervals') }}
from sums
left join intervals
    on
        sums.forecast_origin = intervals.forecast_origin
        and sums.level = intervals.level
        and sums.segment = intervals.segment
        and sums.first_date = intervals.first_date
        and sums.last_date = intervals.last_date
order by sums.forecast_origin, sums.level, sums.segment, sums.week_start
