with

replaced as (

    -- what was served first, where a later run at the same origin replaced it
    select * exclude (replaced_at)
    from {{ ref('stg_forecast_history') }}
    where scenario = 'planned'
    qualify row_number() over (
        partition by forecast_origin, store_id, target_date
        order by replaced_at
    ) = 1

),

never_replaced as (

    select forecasts.*
    from {{ ref('stg_forecasts') }} as forecasts
    anti join replaced
        on
            forecasts.forecast_origin = replaced.forecast_origin
            and forecasts.store_id = replaced.store_id
            and forecasts.target_date = replaced.target_date
    where forecasts.scenario = 'planned'

),

first_served as (

    select * from replaced
    union all by name
    select * from never_replaced

),

actuals as (

    select * from {{ ref('fct_daily_sales') }}
    where is_open and sales > 0

),

stores as (

    select * from {{ ref('dim_store') }}

),

judged as (

    select
        served.forecast_origin,
        cast((served.horizon_days + 6) // 7 as varchar) as horizon_week,
        stores.store_type,
        case when actuals.is_promo then 'promo' else 'no promo' end as promo,
        cast(actuals.day_of_week as varchar) as weekday,
        coalesce(stores.state, 'unknown') as state,
        served.target_date,
        actuals.sales,
        served.sales_forecast,
        served.sales_forecast / actuals.sales - 1 as relative_error,
        actuals.sales between served.lower_80 and served.upper_80 as is_inside_80,
        actuals.sales between served.lower_95 and served.upper_95 as is_inside_95
    from first_served as served
    inner join actuals
        on
            served.store_id = actuals.store_id
            and served.target_date = actuals.sales_date
    inner join stores on served.store_id = stores.store_id

)

select
    forecast_origin,
    case
        when grouping(horizon_week) = 0 then 'horizon_week'
        when grouping(store_type) = 0 then 'store_type'
        when grouping(promo) = 0 then 'promo'
        when grouping(weekday) = 0 then 'weekday'
        when grouping(state) = 0 then 'state'
        else 'overall'
    end as segment_kind,
    coalesce(horizon_week, store_type, promo, weekday, state, 'all') as segment,
    count(*) as store_days,
    cast(count(distinct target_date) as integer) as days,
    min(target_date) as first_target_date,
    max(target_date) as last_target_date,
    sqrt({{ exact_sum('relative_error * relative_error', 9) }} / count(*)) as rmspe,
    {{ exact_sum('abs(relative_error)', 9) }} / count(*) as mape,
    {{ exact_sum('sales_forecast') }} / {{ exact_sum('sales') }} - 1 as bias,
    count(*) filter (where is_inside_80) / count(*) as coverage_80,
    count(*) filter (where is_inside_95) / count(*) as coverage_95
from judged
group by
    grouping sets (
        (forecast_origin),
        (forecast_origin, horizon_week),
        (forecast_origin, store_type),
        (forecast_origin, promo),
        (forecast_origin, weekday),
        (forecast_origin, state)
    )
order by forecast_origin, segment_kind, segment
