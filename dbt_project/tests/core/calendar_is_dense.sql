{{ config(meta={'dagster': {'ref': {'name': 'fct_daily_sales'}}}) }}
-- Every store has as many rows as there are days from its first one to the chain's newest.
with

newest as (

    select max(sales_date) as sales_date from {{ ref('fct_daily_sales') }}

)

select
    calendar.store_id,
    count(*) as rows_found,
    newest.sales_date - min(calendar.sales_date) + 1 as rows_expected
from {{ ref('fct_daily_sales') }} as calendar
cross join newest
group by calendar.store_id, newest.sales_date
having count(*) <> newest.sales_date - min(calendar.sales_date) + 1
