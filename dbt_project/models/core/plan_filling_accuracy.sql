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
        past.horizon_week,
        past.filling_origin,
        unnest([
            {
                'plan_column': 'is_open',
                'rule': past.open_rule,
                'is_right': past.is_open = sold.is_open
            },
            {
                'plan_column': 'is_promo',
                'rule': past.promo_rule,
                'is_right': past.is_promo = sold.is_promo
            },
            {
                'plan_column': 'state_holiday',
                'rule': past.holiday_rule,
                'is_right': past.state_holiday = sold.state_holiday
            },
            {
                'plan_column': 'is_school_holiday',
                'rule': past.school_rule,
                'is_right': past.is_school_holiday = sold.is_school_holiday
            }
        ], recursive := true)
    from past
    inner join traded
        on
            past.filling_origin = traded.filling_origin
            and past.store_id = traded.store_id
    inner join sold
        on
            past.store_id = sold.store_id
            and past.plan_date = sold.sales_date

)

select
    plan_column,
    rule,
    horizon_week,
    cast(count(*) as integer) as store_days,
    cast(count(*) filter (where is_right) as integer) as store_days_right,
    min(filling_origin) as first_origin,
    max(filling_origin) as last_origin
from compared
group by plan_column, rule, horizon_week
order by plan_column, rule, horizon_week
