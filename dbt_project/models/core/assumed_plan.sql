{# 52 weeks: the same weekday a year ago. #}
{% set year_days = 364 %}

with

origin as (

    select * from {{ ref('forecast_origin') }}

),

stores as (

    select
        store_id,
        state
    from {{ ref('dim_store') }}

),

promo as (

    select * from {{ ref('promo_rhythm') }}

),

store_days as (

    select
        stores.store_id,
        stores.state,
        promo.plan_date,
        promo.plan_date - {{ year_days }} as year_earlier,
        promo.is_promo
    from stores
    cross join promo

),

holidays as (

    select
        stores.store_id,
        holidays.holiday_date,
        min(holidays.state_holiday) as state_holiday
    from stores
    inner join {{ ref('stg_public_holidays') }} as holidays
        on {{ holds_holiday('stores.state', 'holidays.state') }}
    group by stores.store_id, holidays.holiday_date

),

-- school holidays that the plan gives for other stores of the state on the same day
planned_schools as (

    select
        stores.state,
        plan.plan_date,
        {{ majority('plan.is_school_holiday') }} as is_school_holiday
    from {{ ref('plan_versions') }} as plan
    cross join origin
    inner join stores on plan.store_id = stores.store_id
    where
        stores.state is not null
        and plan.plan_date > origin.forecast_origin
        and {{ was_known('plan', 'origin.known_by') }}
    group by stores.state, plan.plan_date

),

year_earlier as (

    select
        sales.store_id,
        stores.state,
        sales.sales_date,
        sales.is_school_holiday
    from {{ ref('sales_versions') }} as sales
    inner join stores on sales.store_id = stores.store_id
    cross join origin
    where
        sales.sales_date <= origin.forecast_origin
        and sales.sales_date >= origin.first_plan_date - {{ year_days }}
        and sales.sales_date <= origin.last_plan_date - {{ year_days }}
        and {{ was_known('sales', 'origin.known_by') }}

),

state_schools as (

    select
        state,
        sales_date,
        {{ majority('is_school_holiday') }} as is_school_holiday
    from year_earlier
    where state is not null
    group by state, sales_date

),

chain_schools as (

    select
        sales_date,
        {{ majority('is_school_holiday') }} as is_school_holiday
    from year_earlier
    group by sales_date

)

select
    store_days.store_id,
    store_days.plan_date,
    pattern.is_open and (holidays.store_id is null or pattern.opens_on_holidays) as is_open,
    store_days.is_promo,
    coalesce(holidays.state_holiday, '0') as state_holiday,
    coalesce(
        planned_schools.is_school_holiday,
        state_schools.is_school_holiday,
        -- a store without a known state: its own flag
        year_earlier.is_school_holiday,
        chain_schools.is_school_holiday,
        false
    ) as is_school_holiday
from store_days
inner join {{ ref('opening_pattern') }} as pattern
    on
        store_days.store_id = pattern.store_id
        and isodow(store_days.plan_date) = pattern.day_of_week
left join holidays
    on
        store_days.store_id = holidays.store_id
        and store_days.plan_date = holidays.holiday_date
left join planned_schools
    on
        store_days.state = planned_schools.state
        and store_days.plan_date = planned_schools.plan_date
left join state_schools
    on
        store_days.state = state_schools.state
        and store_days.year_earlier = state_schools.sales_date
left join year_earlier
    on
        store_days.store_id = year_earlier.store_id
        and store_days.year_earlier = year_earlier.sales_date
left join chain_schools on store_days.year_earlier = chain_schools.sales_date
order by store_days.store_id, store_days.plan_date
