with

store_days as (

    select * from {{ ref('fct_daily_sales') }}

)

select
    store_id,
    sales_date,
    sales,
    customers,
    is_open,
    is_promo,
    state_holiday,
    is_school_holiday,
    is_observed
from store_days
