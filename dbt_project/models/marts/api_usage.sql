with

-- read once: the API may append to the files while this query runs
lines as materialized (

    -- a line that is not JSON of these types has NULL in their place
    select
        kind,
        path,
        status,
        milliseconds,
        requests,
        try_cast(parse_filename(filename, true) as date) as usage_date,
        what_if is not null as is_what_if,
        list_append(what_if.store_ids, store_id) as store_ids,
        -- a line that counts requests was called refused in former versions
        case when kind in ('counted', 'refused') then requests else 1 end as asked,
        kind in ('request', 'counted', 'refused') and path is not null and status is not null
        and isfinite(milliseconds) and asked > 0 as is_request
    from
        read_ndjson(
            '{{ env_var("ROSSMANN_REQUEST_FILES", "/dev/null") | replace("'", "''") }}',
            columns = {
                'kind': 'VARCHAR',
                'path': 'VARCHAR',
                'status': 'INTEGER',
                'milliseconds': 'DOUBLE',
                'store_id': 'INTEGER',
                'what_if': 'STRUCT(store_ids INTEGER[])',
                'requests': 'BIGINT'
            },
            ignore_errors = true,
            filename = true
        )
    where usage_date is not null

),

usage as (

    -- quantiles of a day do not follow from those of its paths; a line that counts requests has
    -- their mean, and counts once
    select
        usage_date,
        coalesce(path, 'all') as path,
        cast(sum(asked) as bigint) as requests,
        quantile_cont(milliseconds, 0.5) as latency_p50_ms,
        quantile_cont(milliseconds, 0.99) as latency_p99_ms,
        cast(coalesce(sum(asked) filter (where status < 400), 0) as bigint) as answered,
        cast(
            coalesce(sum(asked) filter (where status between 400 and 499), 0) as bigint
        ) as client_errors,
        cast(coalesce(sum(asked) filter (where status >= 500), 0) as bigint) as server_errors,
        len(list_distinct(flatten(list(store_ids) filter (where status < 400)))) as stores_asked,
        count(*) filter (where is_what_if) as what_if_requests
    from lines
    where is_request
    group by grouping sets ((usage_date), (usage_date, path))

),

unrecorded as (

    -- a line that cannot be read is one request
    select
        usage_date,
        sum(case when kind = 'dropped' then coalesce(requests, 1) else 1 end) as requests
    from lines
    where is_request is not true
    group by usage_date

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
    cast(coalesce(usage.stores_asked, 0) as bigint) as stores_asked,
    usage.what_if_requests,
    cast(
        case when usage.path = 'all' then coalesce(unrecorded.requests, 0) end as bigint
    ) as unrecorded_requests
from usage
left join unrecorded on usage.usage_date = unrecorded.usage_date
order by usage.usage_date, usage.path
