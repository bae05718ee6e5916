{# Days that move with Easter: carnival, Maundy Thursday to Easter Monday, Ascension, Whitsun,
   Corpus Christi. #}
{% set easter_days = [-48, -47, -3, -2, -1, 0, 1, 39, 49, 50, 60] %}
{# Three years show a day three times. #}
{% set years_back = 3 %}

with

groups as (

    select * from {{ ref('store_groups') }}

),

plan_days as (

    select * from {{ ref('days_to_fill') }}

),

sold as (

    select * from {{ ref('past_openings') }}

),

all_days as (

    select plan_date as calendar_date from plan_days
    union distinct
    select sales_date as calendar_date from sold

),

dated as (

    select
        days.calendar_date,
        month(days.calendar_date) * 100 as month_key,
        day(days.calendar_date) as day_of_month,
        day(last_day(days.calendar_date)) - day_of_month as days_left,
        isodow(days.calendar_date) as day_of_week,
        case
            when
                days.calendar_date - easter.easter_sunday
                in ({{ easter_days | join(', ') }})
                then days.calendar_date - easter.easter_sunday
        end as from_easter
    from all_days as days
    inner join {{ ref('easter_sundays') }} as easter
        on year(days.calendar_date) = easter.easter_year

),

-- a day of the year recurs on its date, at its distance from Easter, or as the second or the last
-- Monday of its month
keyed as (

    select
        calendar_date,
        'easter' as key_kind,
        from_easter as day_key,
        from_easter
    from dated
    where from_easter is not null
    union all
    select
        calendar_date,
        unnest(['date', 'weekday', 'last weekday']) as key_kind,
        unnest([
            month_key + day_of_month,
            month_key + day_of_week * 10 + (day_of_month - 1) // 7,
            month_key + day_of_week * 10 + days_left // 7
        ]) as day_key,
        from_easter
    from dated

),

recurring as materialized (

    select
        plan_days.filling_origin,
        plan_days.plan_date,
        planned.key_kind,
        past.calendar_date as sales_date
    from plan_days
    inner join keyed as planned on plan_days.plan_date = planned.calendar_date
    inner join keyed as past
        on
            planned.key_kind = past.key_kind
            and planned.day_key = past.day_key
    where
        past.calendar_date <= plan_days.filling_origin
        and past.calendar_date > plan_days.plan_date - {{ 366 * years_back }}
        -- a past holiday that moves with Easter is no sign of any other rule
        and (planned.key_kind = 'easter' or past.from_easter is null)

),

past_days as materialized (

    select * from sold
    where sales_date in (select recurring.sales_date from recurring)

),

-- at least half of the stores that usually open on this weekday were closed
closed_groups as (

    select
        groups.group_id,
        past_days.sales_date
    from past_days
    inner join groups on past_days.store_id = groups.store_id
    where past_days.is_usual_weekday and groups.group_level <> 'store'
    group by groups.group_id, groups.group_level, past_days.sales_date
    having
        2 * count(*) filter (where not past_days.is_open) >= count(*)
        and {{ speaks_for_group('count(*)', 'groups.group_level') }}

),

closed_with_group as (

    select distinct
        groups.store_id,
        closed_groups.sales_date
    from closed_groups
    inner join groups on closed_groups.group_id = groups.group_id

),

judged_days as materialized (

    select
        past_days.*,
        past_days.is_usual_weekday and not past_days.is_open as is_closed,
        past_days.state_holiday <> '0'
        or (is_closed and closed_with_group.store_id is not null) as is_holiday,
        is_holiday or places.store_id is not null as is_holiday_or_listed
    from past_days
    left join {{ ref('store_holidays') }} as places
        on
            past_days.store_id = places.store_id
            and past_days.sales_date = places.holiday_date
            and places.state_holiday <> '0'
    left join closed_with_group
        on
            past_days.store_id = closed_with_group.store_id
            and past_days.sales_date = closed_with_group.sales_date

),

-- holidays of the same date in two years are no rule by weekdays
fixed_dates as (

    select
        store_id,
        month(sales_date) as month_number,
        day(sales_date) as day_of_month
    from sold
    where state_holiday <> '0' or (is_usual_weekday and not is_open)
    group by store_id, month(sales_date), day(sales_date)
    having count(*) > 1

),

by_kind as (

    select
        recurring.filling_origin,
        recurring.plan_date,
        recurring.key_kind,
        past.store_id,
        count(*) as years,
        count(*) filter (where past.is_holiday) as holidays,
        count(*) filter (where past.is_closed) as closed,
        count(*) filter (where past.is_usual_weekday and past.is_holiday_or_listed)
            as usual_days,
        count(*) filter (
            where past.is_usual_weekday and past.is_holiday_or_listed and past.is_open
        ) as usual_days_open,
        max(past.state_holiday) as state_holiday
    from recurring
    inner join judged_days as past on recurring.sales_date = past.sales_date
    left join fixed_dates
        on
            recurring.key_kind not in ('date', 'easter')
            and past.store_id = fixed_dates.store_id
            and month(past.sales_date) = fixed_dates.month_number
            and day(past.sales_date) = fixed_dates.day_of_month
    where fixed_dates.store_id is null
    group by
        recurring.filling_origin, recurring.plan_date, recurring.key_kind, past.store_id

)

select
    filling_origin,
    plan_date,
    store_id,
    bool_or(
        case
            when key_kind in ('date', 'easter')
                then 2 * holidays > years or (years > 1 and closed = years)
            else years > 1 and holidays = years
        end
    ) as is_holiday,
    -- a day that the provider of holidays does not list needs two years without exception
    bool_or(years > 1 and greatest(holidays, closed) = years) as is_certain,
    max(state_holiday) filter (where 2 * holidays > years) as state_holiday,
    case
        when sum(usual_days) > 0 then 2 * sum(usual_days_open) > sum(usual_days)
    end as opens
from by_kind
group by filling_origin, plan_date, store_id
order by filling_origin, store_id, plan_date
