with

versions as (

    select * from {{ ref('stg_sales') }}

),

newest_versions as (

    select * from versions
    qualify load_id = max(load_id) over (partition by store_id, sales_date)

),

usual as (

    -- what a store usually sells on this weekday, with or without promotion
    select
        store_id,
        sales_date,
        median(case when sales > 0 then sales end) over before_it as usual_sales,
        count(case when sales > 0 then 1 end) over before_it as days_compared
    from newest_versions
    where is_open
    window before_it as (
        partition by store_id, day_of_week, is_promo
        order by sales_date
        rows between 8 preceding and 1 preceding
    )

),

states as (

    select
        store_id,
        state
    from {{ ref('stg_store_states') }}
    qualify row_number() over (partition by store_id order by load_id desc) = 1

),

compared as (

    select
        versions.store_id,
        versions.sales_date,
        versions.load_id,
        versions.sales,
        states.state,
        usual.usual_sales,
        versions.sales <= {{ var('partial_day_low_level') }} * usual.usual_sales as is_low,
        loads.known_on <= versions.sales_date as is_dated_today,
        list_contains(
            {{ var('partial_day_half_days') }}, strftime(versions.sales_date, '%m-%d')
        ) as is_half_day
    from versions
    inner join usual
        on versions.store_id = usual.store_id and versions.sales_date = usual.sales_date
    left join states on versions.store_id = states.store_id
    left join {{ ref('stg_loads') }} as loads on versions.load_id = loads.load_id
    where
        versions.is_open
        and versions.state_holiday = '0'
        and usual.days_compared >= 4
        and not list_contains(
            {{ var('partial_day_confirmed') }}, strftime(versions.sales_date, '%Y-%m-%d')
        )

),

days as (

    select
        sales_date,
        load_id,
        is_half_day,
        count(*) as stores,
        count(*) filter (where is_low) as low_stores,
        sum(sales) / sum(usual_sales) as level,
        case
            when is_half_day then {{ var('partial_day_min_level_half_day') }}
            when bool_or(is_dated_today) then {{ var('partial_day_min_level_today') }}
            else {{ var('partial_day_min_level') }}
        end as min_level
    from compared
    group by sales_date, load_id, is_half_day
    having count(*) >= {{ var('partial_day_min_stores') }}

),

partial_days as (

    select
        sales_date,
        load_id
    from days
    where level < min_level

),

-- the stores of a chain, or of one state, that sent half a day while the others sent a whole one
groups as (

    select
        compared.sales_date,
        compared.load_id,
        compared.state,
        grouping(compared.state) = 1 as is_chain,
        count(*) filter (where compared.is_low) as low_stores,
        count(*) as stores
    from compared
    where not compared.is_half_day
    group by grouping sets (
        (compared.sales_date, compared.load_id),
        (compared.sales_date, compared.load_id, compared.state)
    )

),

partial_groups as (

    select
        sales_date,
        load_id,
        state,
        is_chain
    from groups
    where
        low_stores >= {{ var('partial_day_min_low_stores') }}
        and low_stores > stores * (
            case
                when is_chain then {{ var('partial_day_max_low_share') }}
                else {{ var('partial_day_max_low_share_of_state') }}
            end
        )

),

partial_stores as (

    select distinct
        compared.store_id,
        compared.sales_date,
        compared.load_id
    from compared
    inner join partial_groups
        on
            compared.sales_date = partial_groups.sales_date
            and compared.load_id = partial_groups.load_id
            and (partial_groups.is_chain or compared.state = partial_groups.state)
    where compared.is_low and compared.sales > 0

),

judged as (

    select
        versions.store_id,
        versions.sales_date,
        versions.load_id,
        versions.sales,
        usual.usual_sales,
        case
            when partial_days.load_id is not null then 'partial day'
            when partial_stores.load_id is not null then 'partial day of some stores'
            when versions.sales = 0 then 'open without sales'
        end as reason
    from versions
    left join usual
        on versions.store_id = usual.store_id and versions.sales_date = usual.sales_date
    left join partial_days
        on
            versions.sales_date = partial_days.sales_date
            and versions.load_id = partial_days.load_id
    left join partial_stores
        on
            versions.store_id = partial_stores.store_id
            and versions.sales_date = partial_stores.sales_date
            and versions.load_id = partial_stores.load_id
    where versions.is_open

)

select
    store_id,
    sales_date,
    load_id,
    sales,
    usual_sales,
    reason
from judged
where reason is not null
order by store_id, sales_date, load_id
