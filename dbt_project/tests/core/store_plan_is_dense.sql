{{ config(meta={'dagster': {'ref': {'name': 'store_plan'}}}) }}
-- No store misses a day between its first and its last.
select
    store_id,
    count(*) as rows_found,
    max(plan_date) - min(plan_date) + 1 as rows_expected
from {{ ref('store_plan') }}
group by store_id
having count(*) <> max(plan_date) - min(plan_date) + 1
