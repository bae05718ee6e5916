with

source as (

    select * from {{ source('raw', 'sales') }}

),

renamed as (

    select
        store as store_id,
        date as sales_date,
        day_of_week,
        sales,
        customers,
        open = 1 as is_open,
        promo = 1 as is_promo,
        state_holiday,
        school_holiday = 1 as is_school_holiday,
        load_id,
        line_number,
        known_on
    from source

)

select * from renamed
