with

source as (

    select
        files.*,
        loads.known_on as landed_on
    from {{ source('raw', 'plan') }} as files
    inner join {{ ref('stg_loads') }} as loads on files.load_id = loads.load_id

),

renamed as (

    select
        store as store_id,
        date as plan_date,
        day_of_week,
        -- stays NULL where the retailer left it out: the rules of core.horizon_plan decide
        open = 1 as is_open,
        open is null as is_open_missing,
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
