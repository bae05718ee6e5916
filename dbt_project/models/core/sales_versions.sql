{% set facts = ['sales', 'customers', 'is_open', 'is_promo', 'state_holiday',
    'is_school_holiday'] %}

with

kept as (

    select landed.*
    from {{ ref('stg_sales') }} as landed
    left join {{ ref('set_aside_sales') }} as aside
        on
            landed.store_id = aside.store_id
            and landed.sales_date = aside.sales_date
            and landed.load_id = aside.load_id
    where aside.load_id is null

),

{{ versions('kept', 'sales_date', facts) }}
