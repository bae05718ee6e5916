with

source as (

    select
        files.*,
        loads.known_on as landed_on
    from {{ source('raw', 'sales') }} as files
    inner join {{ ref('stg_loads') }} as loads on files.load_id = loads.load_id

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
        known_on,
        landed_on
    from source

)

select * from renamed
