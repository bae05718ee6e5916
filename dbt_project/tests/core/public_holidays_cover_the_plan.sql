{{ config(meta={'dagster': {'ref': {'name': 'promo_rhythm'}}}) }}
-- Every year that the rules plan for has public holidays; without them every store would open.
with

planned_years as (

    select distinct year(plan_date) as planned_year from {{ ref('promo_rhythm') }}

)

select planned_years.planned_year
from planned_years
left join {{ ref('stg_public_holidays') }} as holidays
    on
        planned_years.planned_year = year(holidays.holiday_date)
        and holidays.state = 'DE'
group by planned_years.planned_year
having count(holidays.holiday_date) < 8
