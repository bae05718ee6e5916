{%- set days_judged = 28 -%}
{%- set rows_listed = 200 -%}
{%- set long_closure_days = 7 -%}

with

actuals as (

    select * from {{ ref('fct_daily_sales') }}
    where is_observed

),

served as (

    select * from {{ ref('first_served_forecasts') }}
    where forecast_kind = 'served'

),

newest_day as (

    select max(actuals.sales_date) as sales_date
    from actuals
    where actuals.sales_date in (select served.target_date from served)

),

newest_forecasts as (

    -- the forecast of the last origin before each store-day
    select served.*
    from served
    cross join newest_day
    where
        served.target_date > newest_day.sales_date - {{ days_judged }}
        and served.target_date <= newest_day.sales_date
    qualify row_number() over (
        partition by served.store_id, served.target_date
        order by served.forecast_origin desc
    ) = 1

),

plan as (

    select * from {{ ref('horizon_plan') }}

),

errors as (

    select
        served.*,
        plan.is_promo as is_promo_planned,
        actuals.is_open as is_open_actual,
        actuals.is_promo as is_promo_actual,
        actuals.state_holiday,
        actuals.sales,
        served.sales_forecast - actuals.sales as error_eur,
        case
            when actuals.sales > 0 then served.sales_forecast / actuals.sales - 1
        end as relative_error
    from newest_forecasts as served
    inner join actuals
        on
            served.store_id = actuals.store_id
            and served.target_date = actuals.sales_date
    left join plan
        on
            served.forecast_origin = plan.forecast_origin
            and served.store_id = plan.store_id
            and served.target_date = plan.plan_date

),

ranked as (

    select
        'relative' as ranked_by,
        row_number() over (
            order by relative_error * relative_error desc, store_id asc, target_date asc
        ) as place,
        *
    from errors
    where relative_error <> 0
    union all
    select
        'eur' as ranked_by,
        row_number() over (
            order by abs(error_eur) desc, store_id asc, target_date asc
        ) as place,
        *
    from errors
    where error_eur <> 0

),

worst as (

    select * from ranked
    where place <= {{ rows_listed }}

),

holidays as (

    -- the day itself, the one before or the one after
    select distinct
        worst.store_id,
        worst.target_date
    from worst
    inner join actuals
        on
            worst.store_id = actuals.store_id
            and actuals.sales_date between worst.target_date - 1 and worst.target_date + 1
    where actuals.state_holiday <> '0'

),

open_days as (

    select
        store_id,
        sales_date,
        lead(sales_date) over (partition by store_id order by sales_date) as next_open_date
    from actuals
    where is_open

),

long_closures as (

    -- a closure that has not ended yet has no next open day
    select
        open_days.store_id,
        open_days.sales_date + 1 as first_date,
        coalesce(open_days.next_open_date - 1, newest_day.sales_date) as last_date
    from open_days
    cross join newest_day
    where
        coalesce(open_days.next_open_date, newest_day.sales_date + 1) - open_days.sales_date
        > {{ long_closure_days }}

),

refurbishments as (

    select
        worst.store_id,
        worst.target_date,
        max(long_closures.first_date) as first_date,
        max(long_closures.last_date) as last_date
    from worst
    inner join long_closures
        on
            worst.store_id = long_closures.store_id
            and worst.target_date between long_closures.first_date - 14
            and long_closures.last_date + 28
    group by worst.store_id, worst.target_date

),

stores as (

    select * from {{ ref('dim_store') }}

)

select
    worst.ranked_by,
    cast(worst.place as integer) as place,
    worst.store_id,
    worst.target_date,
    worst.forecast_origin,
    worst.horizon_days,
    worst.model_version,
    worst.is_open as is_open_planned,
    worst.is_open_actual,
    worst.is_promo_planned,
    worst.is_promo_actual,
    worst.state_holiday,
    worst.sales_forecast,
    worst.lower_95,
    worst.upper_95,
    worst.sales,
    worst.error_eur,
    worst.relative_error,
    case
        when worst.is_open and not worst.is_open_actual then 'closed_unexpectedly'
        when not worst.is_open and worst.sales > 0 then 'opened_unexpectedly'
        when worst.is_promo_planned <> worst.is_promo_actual then 'promo_changed'
        when holidays.store_id is not null then 'holiday'
        when refurbishments.store_id is not null then 'refurbishment'
        when
            stores.competition_open_since
            between worst.target_date - 182 and worst.target_date
            then 'competition_opened'
        else 'unknown'
    end as reason,
    refurbishments.first_date as closure_first_date,
    refurbishments.last_date as closure_last_date
from worst
left join holidays
    on worst.store_id = holidays.store_id and worst.target_date = holidays.target_date
left join refurbishments
    on
        worst.store_id = refurbishments.store_id
        and worst.target_date = refurbishments.target_date
left join stores on worst.store_id = stores.store_id
order by worst.ranked_by, worst.place
