{{ config(meta={'dagster': {'ref': {'name': 'assumed_plan'}}}) }}
-- The rules cover every store and every day after the origin: rows = stores x days.
with

counted as (

    select
        (select count(*) from {{ ref('assumed_plan') }}) as rows_found,
        (select count(*) from {{ ref('dim_store') }})
        * (select max(last_plan_date - forecast_origin) from {{ ref('forecast_origin') }})
            as rows_expected

)

select *
from counted
where rows_found <> rows_expected
