{# The eight weeks up to the origin decide on which weekdays a store opens: eight days each. #}
{% set pattern_days = 56 %}
{# The year up to the origin decides whether it opens on public holidays: each of them once. #}
{% set holiday_days = 365 %}

with

origin as (

    select * from {{ ref('forecast_origin') }}

),

stores as (

    select
        store_id,
        store_type
    from {{ ref('dim_store') }}

),

weekdays as (

    select cast(unnest(range(1, 8)) as integer) as day_of_week

),

known as (

    select
        sales.store_id,
        stores.store_type,
        cast(isodow(sales.sales_date) as integer) as day_of_week,
        sales.is_open,
        sales.state_holiday,
        sales.sales_date > origin.forecast_origin - {{ pattern_days }} as is_recent
    from {{ ref('sales_versions') }} as sales
    inner join stores on sales.store_id = stores.store_id
    cross join origin
    where
        sales.sales_date <= origin.forecast_origin
        and sales.sales_date > origin.forecast_origin - {{ holiday_days }}
        and {{ was_known('sales', 'origin.known_by') }}

),

ordinary as (

    select * from known
    where is_recent and state_holiday = '0'

),

store_pattern as (

    select
        store_id,
        day_of_week,
        {{ majority('is_open') }} as is_open
    from ordinary
    group by store_id, day_of_week

),

store_type_pattern as (

    select
        store_type,
        day_of_week,
        {{ majority('is_open') }} as is_open
    from ordinary
    group by store_type, day_of_week

),

holiday_habit as (

    select
        store_id,
        {{ majority('is_open') }} as opens_on_holidays
    from known
    where state_holiday <> '0'
    group by store_id

)

select
    stores.store_id,
    weekdays.day_of_week,
    -- a chain without any history opens from Monday to Saturday
    coalesce(store_pattern.is_open, store_type_pattern.is_open, weekdays.day_of_week <= 6)
        as is_open,
    case
        when store_pattern.store_id is not null then 'store'
        when store_type_pattern.store_type is not null then 'store_type'
        else 'default'
    end as pattern_source,
    coalesce(holiday_habit.opens_on_holidays, false) as opens_on_holidays
from stores
cross join weekdays
left join store_pattern
    on
        stores.store_id = store_pattern.store_id
        and weekdays.day_of_week = store_pattern.day_of_week
left join store_type_pattern
    on
        stores.store_type = store_type_pattern.store_type
        and weekdays.day_of_week = store_type_pattern.day_of_week
left join holiday_habit on stores.store_id = holiday_habit.store_id
order by stores.store_id, weekdays.day_of_week
