-- Every planned store-day has exactly one current version: the one landed last.
select
    store_id,
    plan_date,
    count(*) filter (where is_current) as current_versions
from {{ ref('plan_versions') }}
group by store_id, plan_date
having
    count(*) filter (where is_current) <> 1
    or max(load_id) <> max(load_id) filter (where is_current)
