with

stores as (

    select
        store_id,
        state
    from {{ ref('dim_store') }}

),

listed as (

    select
        stores.store_id,
        holidays.holiday_date,
        min(holidays.state_holiday) as state_holiday
    from stores
    inner join {{ ref('stg_public_holidays') }} as holidays
        on {{ holds_holiday('stores.state', 'holidays.state') }}
    group by stores.store_id, holidays.holiday_date

),

-- of two places that are possible, the one without a holiday counts
own as (

    select
        stores.store_id,
        holidays.holiday_date,
        min(holidays.state_holiday) as state_holiday,
        bool_and(holidays.is_school_holiday) as is_school_holiday
    from stores
    inner join {{ ref('stg_own_holidays') }} as holidays
        on {{ holds_holiday('stores.state', 'holidays.state') }}
    group by stores.store_id, holidays.holiday_date

)

select
    coalesce(own.store_id, listed.store_id) as store_id,
    coalesce(own.holiday_date, listed.holiday_date) as holiday_date,
    coalesce(own.state_holiday, listed.state_holiday) as state_holiday,
    case
        when own.state_holiday is not null then 'file'
        when listed.state_holiday is not null then 'place'
    end as holiday_source,
    own.is_school_holiday
from listed
full outer join own
    on listed.store_id = own.store_id and listed.holiday_date = own.holiday_date
order by store_id, holiday_date
