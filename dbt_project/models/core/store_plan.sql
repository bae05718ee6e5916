with

newest_origin as (

    select max(forecast_origin) as forecast_origin from {{ ref('horizon_plan') }}

),

past as (

    select
        sales.*,
        stores.state
    from {{ ref('fct_daily_sales') }} as sales
    inner join {{ ref('dim_store') }} as stores on sales.store_id = stores.store_id
    cross join newest_origin
    where sales.sales_date <= newest_origin.forecast_origin

),

observed as (

    select * from past
    where is_observed

),

chain_days as (

    select
        sales_date,
        {{ majority('is_promo') }} as is_promo,
        {{ majority('is_school_holiday') }} as is_school_holiday,
        {{ majority("state_holiday <> '0'") }} as is_holiday,
        max(state_holiday) as state_holiday
    from observed
    group by sales_date

),

state_days as (

    select
        state,
        sales_date,
        {{ majority('is_school_holiday') }} as is_school_holiday,
        {{ majority("state_holiday <> '0'") }} as is_holiday,
        max(state_holiday) as state_holiday
    from observed
    where state is not null
    group by state, sales_date

),

reported as (

    select
        store_id,
        sales_date as plan_date,
        is_open,
        is_promo,
        state_holiday,
        is_school_holiday,
        'actual' as plan_source
    from observed

),

missing as (

    select
        past.store_id,
        past.sales_date as plan_date,
        false as is_open,
        coalesce(chain_days.is_promo, false) as is_promo,
        case
            when state_days.is_holiday then state_days.state_holiday
            when state_days.is_holiday is null and chain_days.is_holiday
                then chain_days.state_holiday
            else '0'
        end as state_holiday,
        coalesce(state_days.is_school_holiday, chain_days.is_school_holiday, false)
            as is_school_holiday,
        'assumed' as plan_source
    from past
    left join chain_days on past.sales_date = chain_days.sales_date
    left join state_days
        on
            past.state = state_days.state
            and past.sales_date = state_days.sales_date
    where not past.is_observed

),

future as (

    select
        horizon.store_id,
        horizon.plan_date,
        horizon.is_open,
        horizon.is_promo,
        horizon.state_holiday,
        horizon.is_school_holiday,
        horizon.plan_source
    from {{ ref('horizon_plan') }} as horizon
    inner join newest_origin on horizon.forecast_origin = newest_origin.forecast_origin

),

combined as (

    select * from reported
    union all
    select * from missing
    union all
    select * from future

)

select * from combined
order by store_id, plan_date
