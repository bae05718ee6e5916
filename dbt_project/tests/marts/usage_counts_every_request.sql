{{ config(meta={'dagster': {'ref': {'name': 'api_usage'}}}) }}
-- The days as a whole, and their paths, hold as many requests as were recorded.
with

recorded as (

    select count(*) as requests from {{ ref('stg_api_requests') }}

),

counted as (

    select
        coalesce(sum(requests) filter (where path = 'all'), 0) as of_days,
        coalesce(sum(requests) filter (where path <> 'all'), 0) as of_paths
    from {{ ref('api_usage') }}

)

select
    recorded.requests,
    counted.of_days,
    counted.of_paths
from recorded
cross join counted
where recorded.requests <> counted.of_days or recorded.requests <> counted.of_paths
