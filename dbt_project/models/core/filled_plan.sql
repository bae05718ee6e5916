{# 52 weeks: the same weekday a year ago. #}
{% set year_days = 364 %}

with

origins as (

    select * from {{ ref('filling_origins') }}

),

newest as (

    select * from origins
    where not is_past

),

states as (

    select * from {{ ref('store_groups') }}
    where group_level = 'state'

),

stores as (

    select
        store_id,
        state
    from {{ ref('dim_store') }}

),

-- school holidays that the plan gives for other stores of the state on the same day
planned_schools as (

    select
        states.group_id,
        plan.plan_date,
        {{ majority('plan.is_school_holiday') }} as is_school_holiday
    from {{ ref('plan_versions') }} as plan
    inner join newest
        on
            plan.plan_date > newest.filling_origin
            and {{ was_known('plan', 'newest.known_by') }}
    inner join states on plan.store_id = states.store_id
    inner join stores on plan.store_id = stores.store_id
    where states.is_active and stores.state is not null
    group by states.group_id, plan.plan_date
    having count(*) >= {{ var('filling_min_group_share') }} * max(states.active_stores)

),

year_earlier as materialized (

    select
        sales.store_id,
        stores.state,
        sales.sales_date,
        sales.is_school_holiday
    from {{ ref('sales_versions') }} as sales
    inner join stores on sales.store_id = stores.store_id
    inner join newest
        on
            sales.sales_date <= newest.filling_origin
            and {{ was_known('sales', 'newest.known_by') }}

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
    promo.filling_origin,
    promo.store_id,
    promo.plan_date,
    pattern.is_open
    and (holidays.store_id is null or holidays.opens)
    and (pattern.shut_since is null or promo.plan_date < pattern.shut_since) as is_open,
    promo.is_promo,
    coalesce(holidays.state_holiday, '0') as state_holiday,
    coalesce(
        own_holidays.is_school_holiday,
        planned_schools.is_school_holiday,
        state_schools.is_school_holiday,
        -- a store without a known state: its own flag
        year_earlier.is_school_holiday,
        chain_schools.is_school_holiday,
        false
    ) as is_school_holiday,
    case
        when promo.plan_date >= pattern.shut_since then 'closed'
        when holidays.store_id is not null then 'holiday: ' || holidays.holiday_source
        else 'weekdays: ' || pattern.pattern_source
    end as open_rule,
    case
        when promo.promo_rule = 'default' then 'default'
        else promo.promo_rule || ': ' || promo.group_level
    end as promo_rule,
    coalesce(holidays.holiday_source, 'none') as holiday_rule,
    case
        when own_holidays.is_school_holiday is not null then 'file'
        when planned_schools.group_id is not null then 'plan of the state'
        when state_schools.state is not null then 'state a year earlier'
        when year_earlier.store_id is not null then 'store a year earlier'
        when chain_schools.sales_date is not null then 'chain a year earlier'
        else 'default'
    end as school_rule
from {{ ref('promo_rhythm') }} as promo
inner join stores on promo.store_id = stores.store_id
inner join states on promo.store_id = states.store_id
inner join origins on promo.filling_origin = origins.filling_origin
inner join {{ ref('opening_pattern') }} as pattern
    on
        promo.filling_origin = pattern.filling_origin
        and promo.store_id = pattern.store_id
        and isodow(promo.plan_date) = pattern.day_of_week
left join {{ ref('assumed_holidays') }} as holidays
    on
        promo.filling_origin = holidays.filling_origin
        and promo.store_id = holidays.store_id
        and promo.plan_date = holidays.plan_date
left join {{ ref('store_holidays') }} as own_holidays
    on
        promo.store_id = own_holidays.store_id
        and promo.plan_date = own_holidays.holiday_date
left join planned_schools
    on
        not origins.is_past
        and states.group_id = planned_schools.group_id
        and promo.plan_date = planned_schools.plan_date
left join state_schools
    on
        stores.state = state_schools.state
        and promo.plan_date - {{ year_days }} = state_schools.sales_date
left join year_earlier
    on
        promo.store_id = year_earlier.store_id
        and promo.plan_date - {{ year_days }} = year_earlier.sales_date
left join chain_schools on promo.plan_date - {{ year_days }} = chain_schools.sales_date
order by promo.filling_origin, promo.store_id, promo.plan_date
