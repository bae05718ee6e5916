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
    coalesce(observed.is_open and observed.sales = 0, false) as is_open_without_sales,
    observed.load_id,
    observed.known_on
from calendar
left join observed
    on
        calendar.store_id = observed.store_id
        and calendar.sales_date = observed.sales_date
order by calendar.store_id, calendar.sales_date
