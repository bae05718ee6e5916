{{ config(meta={'dagster': {'ref': {'name': 'fct_daily_sales'}}}) }}
-- The calendar adds up to the row in force of every raw store-day that is not left out,
-- computed independently here.
with

newest_rows as (

    select
        arg_max(files.sales, row(coalesce(loads.file_date, date '0001-01-01'), loads.load_id))
            as sales,
        arg_max(files.open, row(coalesce(loads.file_date, date '0001-01-01'), loads.load_id))
            as is_open
    from {{ source('raw', 'sales') }} as files
    inner join {{ source('raw', 'loads') }} as loads on files.load_id = loads.load_id
    left join {{ ref('set_aside_sales') }} as aside
        on
            files.store = aside.store_id
            and files.date = aside.sales_date
            and files.load_id = aside.load_id
    where
        aside.load_id is null
        and (loads.withdrawn_on is null or files.date < loads.replaced_from)
    group by files.store, files.date

),

raw_sums as (

    select
        count(*) as store_days,
        sum(is_open) as open_days,
        sum(cast(sales as decimal(38, 4))) as sales
    from newest_rows

),

calendar_sums as (

    select
        count(*) filter (where is_observed) as store_days,
        count(*) filter (where is_open) as open_days,
        sum(cast(sales as decimal(38, 4))) as sales
    from {{ ref('fct_daily_sales') }}

)

select
    raw_sums.sales as raw_sales,
    calendar_sums.sales as calendar_sales,
    raw_sums.store_days as raw_store_days,
    calendar_sums.store_days as calendar_store_days,
    raw_sums.open_days as raw_open_days,
    calendar_sums.open_days as calendar_open_days
from raw_sums
cross join calendar_sums
where
    raw_sums.sales is distinct from calendar_sums.sales
    or raw_sums.store_days is distinct from calendar_sums.store_days
    or coalesce(raw_sums.open_days, 0) <> calendar_sums.open_days
