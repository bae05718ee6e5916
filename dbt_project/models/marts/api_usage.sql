with

requests as (

    select * from {{ ref('stg_api_requests') }}

),

unrecorded as (

    select
        usage_date,
        sum(requests) as requests
    from {{ ref('stg_unrecorded_requests') }}
    group by usage_date

),

stores_named as (

    select
        usage_date,
        path,
        unnest(store_ids) as store_id
    from requests
    where status < 400

),

stores_asked as (

    select
        usage_date,
        coalesce(path, 'all') as path,
        count(distinct store_id) as stores
    from stores_named
    group by grouping sets ((usage_date), (usage_date, path))

),

usage as (

    -- quantiles of a day do not follow from those of its paths
    select
        usage_date,
        coalesce(path, 'all') as path,
        count(*) as requests,
        quantile_cont(milliseconds, 0.5) as latency_p50_ms,
        quantile_cont(milliseconds, 0.99) as latency_p99_ms,
        count(*) filter (where status < 400) as answered,
        count(*) filter (where status between 400 and 499) as client_errors,
        count(*) filter (where status >= 500) as server_errors,
        count(*) filter (where is_what_if) as what_if_requests
    from requests
    group by grouping sets ((usage_date), (usage_date, path))

)

select
    usage.usage_date,
    usage.path,
    usage.requests,
    usage.latency_p50_ms,
    usage.latency_p99_ms,
    usage.answered,
    usage.client_errors,
    usage.server_errors,
    coalesce(stores_asked.stores, 0) as stores_asked,
    usage.what_if_requests,
    cast(
        case when usage.path = 'all' then coalesce(unrecorded.requests, 0) end as bigint
    ) as unrecorded_requests
from usage
left join stores_asked
    on usage.usage_date = stores_asked.usage_date and usage.path = stores_asked.path
left join unrecorded on usage.usage_date = unrecorded.usage_date
order by usage.usage_date, usage.path
