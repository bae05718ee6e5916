with

served as (

    select * from {{ ref('first_served_forecasts') }}

),

vintages as (

    -- the model of most rows names the vintage, because another model may forecast late stores
    select
        forecast_kind,
        forecast_origin,
        case when forecast_kind = 'shadow' then model_version end as challenger,
        model_version
    from served
    group by forecast_kind, forecast_origin, model_version
    qualify row_number() over (
        partition by forecast_kind, forecast_origin, challenger
        order by count(*) desc, model_version asc
    ) = 1

),

actuals as (

    select * from {{ ref('fct_daily_sales') }}
    where is_open and sales > 0

),

stores as (

    select * from {{ ref('dim_store') }}

),

backtest as (

    -- scores of each model itself, all origins together
    select scores.*
    from {{ ref('stg_backtest_scores') }} as scores
    inner join {{ ref('stg_model_versions') }} as models
        on
            scores.model_version = models.model_version
            and scores.model = models.family
    where scores.forecast_origin is null

),

runs as (

    select * from {{ ref('stg_forecast_runs') }}

),

naive as (

    select * from {{ ref('seasonal_naive') }}

),

judged as (

    select
        served.forecast_kind,
        served.forecast_origin,
        vintages.model_version,
        served.target_date,
        cast((served.horizon_days + 6) // 7 as varchar) as horizon_week,
        stores.store_type,
        stores.assortment,
        coalesce(stores.state, 'unknown') as state,
        case when actuals.is_promo then 'promo' else 'no promo' end as promo,
        cast(actuals.day_of_week as varchar) as weekday,
        actuals.sales,
        served.sales_forecast,
        served.sales_forecast * runs.unbiased_factor as sales_unbiased,
        served.sales_forecast / actuals.sales - 1 as relative_error,
        naive.sales / actuals.sales - 1 as naive_error,
        actuals.sales between served.lower_80 and served.upper_80 as is_inside_80,
        actuals.sales between served.lower_95 and served.upper_95 as is_inside_95
    from served
    inner join vintages
        on
            served.forecast_kind = vintages.forecast_kind
            and served.forecast_origin = vintages.forecast_origin
            and (
                served.forecast_kind <> 'shadow'
                or served.model_version = vintages.model_version
            )
    inner join actuals
        on
            served.store_id = actuals.store_id
            and served.target_date = actuals.sales_date
    inner join stores on served.store_id = stores.store_id
    left join runs
        on
            served.run_id = runs.run_id
            -- the run of a shadow forecast is the champion's, which has another factor
            and served.forecast_kind <> 'shadow'
    left join naive
        on
            served.forecast_origin = naive.forecast_origin
            and served.store_id = naive.store_id
            and actuals.day_of_week = naive.day_of_week

),

cells as (

    -- sums per kind of store and day come first: they are exact as decimals, and all segments are
    -- sums of them
    select
        forecast_kind,
        forecast_origin,
        model_version,
        target_date,
        horizon_week,
        store_type,
        assortment,
        state,
        promo,
        weekday,
        count(*) as store_days,
        sum(cast(relative_error * relative_error as decimal(38, 9))) as squared_errors,
        sum(cast(abs(relative_error) as decimal(38, 9))) as absolute_errors,
        sum(cast(sales_forecast as decimal(38, 4))) as sales_forecast,
        sum(cast(sales_unbiased as decimal(38, 4))) as sales_unbiased,
        count(sales_unbiased) as unbiased_days,
        sum(cast(sales as decimal(38, 4))) as sales,
        count(*) filter (where is_inside_80) as inside_80,
        count(*) filter (where is_inside_95) as inside_95,
        count(naive_error) as naive_store_days,
        sum(cast(naive_error * naive_error as decimal(38, 9))) as naive_squared_errors,
        sum(cast(relative_error * relative_error as decimal(38, 9)))
        filter (where naive_error is not null) as squared_errors_beside_naive
    from judged
    group by all

),

segments as (

    select
        forecast_kind,
        forecast_origin,
        model_version,
        case
            when grouping(horizon_week) = 0 then 'horizon_week'
            when grouping(store_type) = 0 then 'store_type'
            when grouping(assortment) = 0 then 'assortment'
            when grouping(state) = 0 then 'state'
            when grouping(promo) = 0 then 'promo'
            when grouping(weekday) = 0 then 'weekday'
            else 'overall'
        end as segment_kind,
        coalesce(horizon_week, store_type, assortment, state, promo, weekday, 'all') as segment,
        sum(store_days) as store_days,
        count(distinct target_date) as days,
        min(target_date) as first_target_date,
        max(target_date) as last_target_date,
        sum(squared_errors) as squared_errors,
        sum(absolute_errors) as absolute_errors,
        sum(sales_forecast) as sales_forecast,
        sum(sales_unbiased) as sales_unbiased,
        sum(unbiased_days) as unbiased_days,
        sum(sales) as sales,
        sum(inside_80) as inside_80,
        sum(inside_95) as inside_95,
        sum(naive_store_days) as naive_store_days,
        sum(naive_squared_errors) as naive_squared_errors,
        sum(squared_errors_beside_naive) as squared_errors_beside_naive
    from cells
    group by
        forecast_kind,
        forecast_origin,
        model_version,
        grouping sets (
            (), (horizon_week), (store_type), (assortment), (state), (promo), (weekday)
        )

)

select
    segments.forecast_origin,
    segments.forecast_kind,
    segments.model_version,
    segments.segment_kind,
    segments.segment,
    cast(segments.store_days as bigint) as store_days,
    cast(segments.days as integer) as days,
    segments.first_target_date,
    segments.last_target_date,
    sqrt(cast(segments.squared_errors as double) / segments.store_days) as rmspe,
    sqrt(
        cast(sum(segments.squared_errors) over four_weeks as double)
        / sum(segments.store_days) over four_weeks
    ) as rolling_rmspe,
    cast(segments.absolute_errors as double) / segments.store_days as mape,
    cast(segments.sales_forecast as double) / cast(segments.sales as double) - 1 as bias,
    case
        when segments.unbiased_days = segments.store_days
            then cast(segments.sales_unbiased as double) / cast(segments.sales as double) - 1
    end as total_bias,
    segments.inside_80 / segments.store_days as coverage_80,
    segments.inside_95 / segments.store_days as coverage_95,
    sqrt(
        cast(segments.naive_squared_errors as double) / segments.naive_store_days
    ) as rmspe_seasonal_naive,
    1 - sqrt(
        cast(segments.squared_errors_beside_naive as double)
        / nullif(cast(segments.naive_squared_errors as double), 0)
    ) as skill,
    backtest.rmspe as backtest_rmspe,
    backtest.skill as backtest_skill,
    backtest.coverage_80 as backtest_coverage_80,
    backtest.coverage_95 as backtest_coverage_95
from segments
left join backtest
    on
        segments.model_version = backtest.model_version
        and segments.segment_kind = backtest.segment_kind
        and segments.segment = backtest.segment
window
    four_weeks as (
        partition by segments.forecast_kind, segments.segment_kind, segments.segment
        order by segments.forecast_origin
        range between interval 27 days preceding and current row
    )
order by
    segments.forecast_origin,
    segments.forecast_kind,
    segments.model_version,
    segments.segment_kind,
    segments.segment
