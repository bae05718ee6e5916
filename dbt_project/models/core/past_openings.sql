{{ config(materialized='view') }}

with

newest as (

    select * from {{ ref('filling_origins') }}
    where not is_past

)

select
    sales.store_id,
    sales.sales_date,
    sales.is_open,
    sales.state_holiday,
    pattern.is_open as is_usual_weekday
from {{ ref('sales_versions') }} as sales
inner join newest
    on
        sales.sales_date <= newest.filling_origin
        and {{ was_known('sales', 'newest.known_by') }}
inner join {{ ref('opening_pattern') }} as pattern
    on
        newest.filling_origin = pattern.filling_origin
        and sales.store_id = pattern.store_id
        and isodow(sales.sales_date) = pattern.day_of_week
