with

past as (

    select
        filled.*,
        cast(ceil((filled.plan_date - filled.filling_origin) / 7) as integer) as horizon_week
    from {{ ref('filled_plan') }} as filled
    inner join {{ ref('filling_origins') }} as origins
        on filled.filling_origin = origins.filling_origin
    where origins.is_past

),

sold as (

    select * from {{ ref('sales_versions') }}
    where is_current

),

-- only stores that were forecast: they sold shortly before the origin
traded as (

    select distinct
        origins.filling_origin,
        sold.store_id
    from sold
    inner join {{ ref('filling_origins') }} as origins
        on
            sold.sales_date <= origins.filling_origin
            and sold.sales_date > origins.filling_origin - {{ var('active_within_days') }}
    where sold.is_open and sold.sales > 0

),

compared as (

    select
        past.*,
        sold.is_open as open_then,
        sold.is_promo as promo_then,
        sold.state_holiday as holiday_then,
        sold.is_school_holiday as school_then
    from past
    inner join traded
        on
            past.filling_origin = traded.filling_origin
            and past.store_id = traded.store_id
    inner join sold
        on
            past.store_id = sold.store_id
            and past.plan_date = sold.sales_date

),

judged as (

    select
        'is_open' as plan_column,
        open_rule as rule,
        horizon_week,
        filling_origin,
        is_open = open_then as is_right
    from compared
    union all
    select
        'is_promo' as plan_column,
        promo_rule as rule,
        horizon_week,
        filling_origin,
        is_promo = promo_then as is_right
    from compared
    union all
    select
        'state_holiday' as plan_column,
        holiday_rule as rule,
        horizon_week,
        filling_origin,
        state_holiday = holiday_then as is_right
    from compared
    union all
    select
        'is_school_holiday' as plan_column,
        school_rule as rule,
        horizon_week,
        filling_origin,
        is_school_holiday = school_then as is_right
    from compared

)

select
    plan_column,
    rule,
    horizon_week,
    cast(count(*) as integer) as store_days,
    cast(count(*) filter (where is_right) as integer) as store_days_right,
    min(filling_origin) as first_origin,
    max(filling_origin) as last_origin
from judged
group by plan_column, rule, horizon_week
order by plan_column, rule, horizon_week
