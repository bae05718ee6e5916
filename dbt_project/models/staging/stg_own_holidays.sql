with

source as (

    select * from {{ source('raw', 'holidays_by_place') }}

),

renamed as (

    select
        state,
        date as holiday_date,
        state_holiday,
        cast(school_holiday as boolean) as is_school_holiday
    from source

)

select * from renamed
