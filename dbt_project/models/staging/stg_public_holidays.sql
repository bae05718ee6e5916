with

source as (

    select * from {{ source('raw', 'public_holidays') }}

),

renamed as (

    select
        state,
        date as holiday_date,
        name as holiday_name,
        state_holiday
    from source

)

select * from renamed
