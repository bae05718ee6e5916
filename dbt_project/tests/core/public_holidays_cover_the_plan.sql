{{ config(meta={'dagster': {'ref': {'name': 'filled_plan'}}}) }}
-- Every place of a store has public holidays in every year that the rules plan for; without them
-- every store of the place would open.
with

planned_years as (

    select distinct year(plan_date) as planned_year from {{ ref('filled_plan') }}

),

places as (

    select distinct unnest(string_split(state, ',')) as place
    from {{ ref('dim_store') }}
    where state is not null

)

select
    places.place,
    planned_years.planned_year
from places
cross join planned_years
left join {{ ref('stg_public_holidays') }} as holidays
    on
        planned_years.planned_year = year(holidays.holiday_date)
        and places.place = holidays.state
group by places.place, planned_years.planned_year
having count(holidays.holiday_date) < 4
