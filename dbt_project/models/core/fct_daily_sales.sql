with

observed as (

    select * from {{ ref('sales_versions') }}
    where is_current

),

days as (

    select
        cast(unnest(generate_series(min(sales_date), max(sales_date), interval 1 day)) as date)
            as sales_date
    from observed

),

-- the newest version, where no version of the store-day counts
aside as (

    select
        store_id,
        sales_date,
        reason = 'open without sales' as is_open_without_sales
    from {{ ref('set_aside_sales') }}
    qualify load_id = max(load_id) over (partition by store_id, sales_date)

),

first_days as (

    select
        store_id,
        min(sales_date) as first_sales_date
    from observed
    group by store_id

),

calendar as (

    select
        first_days.store_id,
        days.sales_date
    from first_days
    inner join days on first_days.first_sales_date <= days.sales_date

)

select
    calendar.store_id,
    calendar.sales_date,
    cast(isodow(calendar.sales_date) as integer) as day_of_week,
    -- a day without a report stays NULL: it is neither a zero nor a closed day
    observed.sales,
    observed.customers,
    observed.is_open,
    observed.is_promo,
    observed.state_holiday,
    observed.is_school_holiday,
    observed.store_id is not null as is_observed,
    observed.store_id is null
    and coalesce(aside.is_open_without_sales, false) as is_open_without_sales,
    observed.load_id,
    observed.known_on
from calendar
left join observed
    on
        calendar.store_id = observed.store_id
        and calendar.sales_date = observed.sales_date
left join aside
    on
        calendar.store_id = aside.store_id
        and calendar.sales_date = aside.sales_date
order by calendar.store_id, calendar.sales_date
