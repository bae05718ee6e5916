{# The year up to the origin decides whether a store opens on holidays in general. #}
{% set habit_days = 365 %}

with

origins as (

    select * from {{ ref('filling_origins') }}

),

groups as (

    select * from {{ ref('store_groups') }}

),

plan_days as (

    select * from {{ ref('days_to_fill') }}

),

own_past as (

    select * from {{ ref('past_holidays') }}

),

group_past as (

    select
        own_past.filling_origin,
        own_past.plan_date,
        groups.group_id,
        {{ majority('own_past.is_holiday') }} as is_holiday,
        max(own_past.state_holiday) as state_holiday
    from own_past
    inner join groups on own_past.store_id = groups.store_id
    where groups.group_level <> 'store'
    group by own_past.filling_origin, own_past.plan_date, groups.group_id, groups.group_level
    having
        count(*) filter (where own_past.is_holiday) > 0
        and {{ speaks_for_group('count(*)', 'groups.group_level') }}

),

nearest_past as (

    select
        group_past.filling_origin,
        group_past.plan_date,
        groups.store_id,
        arg_min(group_past.is_holiday, groups.group_rank) as is_holiday,
        arg_min(group_past.state_holiday, groups.group_rank) as state_holiday
    from group_past
    inner join groups on group_past.group_id = groups.group_id
    group by group_past.filling_origin, group_past.plan_date, groups.store_id

),

-- marked holidays on weekdays on which the store usually opens
marked as (

    select * from {{ ref('past_openings') }}
    where state_holiday <> '0' and is_usual_weekday

),

store_habits as (

    select
        origins.filling_origin,
        marked.store_id,
        {{ majority('marked.is_open') }} as opens
    from marked
    inner join origins
        on
            marked.sales_date <= origins.filling_origin
            and marked.sales_date > origins.filling_origin - {{ habit_days }}
    group by origins.filling_origin, marked.store_id

),

group_habits as (

    select
        habits.filling_origin,
        groups.group_id,
        {{ majority('habits.opens') }} as opens
    from store_habits as habits
    inner join groups on habits.store_id = groups.store_id
    group by habits.filling_origin, groups.group_id, groups.group_level
    having {{ speaks_for_group('count(*)', 'groups.group_level') }}

),

habits as (

    select
        group_habits.filling_origin,
        groups.store_id,
        arg_min(group_habits.opens, groups.group_rank) as opens
    from group_habits
    inner join groups on group_habits.group_id = groups.group_id
    group by group_habits.filling_origin, groups.store_id

),

judged as (

    select
        plan_days.filling_origin,
        stores.store_id,
        plan_days.plan_date,
        own_past.opens as own_opens,
        habits.opens as habit_opens,
        case
            when places.state_holiday = '0' then null
            when places.state_holiday is not null then places.holiday_source
            when stores.state is not null and own_past.is_certain then 'own past'
            when stores.state is not null then null
            when own_past.is_holiday then 'own past'
            when own_past.store_id is null and nearest_past.is_holiday then 'past of its group'
        end as deciding_source,
        case
            when deciding_source in ('file', 'place') then places.state_holiday
            when deciding_source = 'own past' then own_past.state_holiday
            when deciding_source = 'past of its group' then nearest_past.state_holiday
        end as state_holiday
    from plan_days
    cross join {{ ref('dim_store') }} as stores
    left join {{ ref('store_holidays') }} as places
        on stores.store_id = places.store_id and plan_days.plan_date = places.holiday_date
    left join own_past
        on
            plan_days.filling_origin = own_past.filling_origin
            and plan_days.plan_date = own_past.plan_date
            and stores.store_id = own_past.store_id
    left join nearest_past
        on
            plan_days.filling_origin = nearest_past.filling_origin
            and plan_days.plan_date = nearest_past.plan_date
            and stores.store_id = nearest_past.store_id
    left join habits
        on
            plan_days.filling_origin = habits.filling_origin
            and stores.store_id = habits.store_id

)

select
    filling_origin,
    store_id,
    plan_date,
    coalesce(state_holiday, '0') as state_holiday,
    coalesce(own_opens, habit_opens, false) as opens,
    deciding_source as holiday_source
from judged
where deciding_source is not null
order by filling_origin, store_id, plan_date
