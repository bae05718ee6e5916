{# Promotions come every second week. #}
{% set rhythm_days = 14 %}
{# From the day itself to 25 fortnights before it, which is a year less a fortnight. #}
{% set rhythms_back = 26 %}

with

origin as (

    select * from {{ ref('forecast_origin') }}

),

plan_days as (

    select
        cast(unnest(generate_series(first_plan_date, last_plan_date, interval 1 day)) as date)
            as plan_date
    from origin

),

sold as (

    select
        sales.sales_date as known_date,
        {{ majority('sales.is_promo') }} as is_promo
    from {{ ref('sales_versions') }} as sales
    cross join origin
    where
        sales.sales_date <= origin.forecast_origin
        and sales.sales_date > origin.forecast_origin - {{ rhythm_days * rhythms_back }}
        and {{ was_known('sales', 'origin.known_by') }}
    group by sales.sales_date

),

planned as (

    select
        plan.plan_date as known_date,
        {{ majority('plan.is_promo') }} as is_promo
    from {{ ref('plan_versions') }} as plan
    cross join origin
    where
        plan.plan_date > origin.forecast_origin
        and {{ was_known('plan', 'origin.known_by') }}
    group by plan.plan_date

),

known as (

    select * from sold
    union all
    select * from planned

),

candidates as (

    -- 0 days back: the plan of the day itself for other stores
    select
        plan_date,
        cast(unnest(range(0, {{ rhythms_back }})) * {{ rhythm_days }} as integer) as days_back
    from plan_days

),

nearest as (

    select
        candidates.plan_date,
        min(candidates.days_back) as days_back,
        arg_min(known.is_promo, candidates.days_back) as is_promo
    from candidates
    inner join known on candidates.plan_date - candidates.days_back = known.known_date
    group by candidates.plan_date

)

select
    plan_days.plan_date,
    coalesce(nearest.is_promo, false) as is_promo,
    nearest.days_back
from plan_days
left join nearest on plan_days.plan_date = nearest.plan_date
order by plan_days.plan_date
