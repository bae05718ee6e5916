with

origins as (

    select * from {{ ref('filling_origins') }}

),

days as (

    select
        promo.group_id,
        promo.known_date,
        promo.is_promo,
        -- 0 for the last step up to the newest origin
        (newest.filling_origin - promo.known_date)
        // {{ var('filling_origin_step_days') }} as steps_back
    from {{ ref('promo_days') }} as promo
    inner join origins as newest
        on not newest.is_past and promo.known_date <= newest.filling_origin

),

lags as (

    select cast(unnest({{ var('filling_promo_lags_days') }}) as integer) as days_back

),

-- materialized: otherwise every day of a group meets every other before the lag is applied
predicted as materialized (

    select
        promo.group_id,
        promo.known_date + lags.days_back as known_date,
        lags.days_back,
        promo.is_promo
    from {{ ref('promo_days') }} as promo
    cross join lags

),

steps as (

    select
        days.group_id,
        days.steps_back,
        predicted.days_back,
        count(*) as days,
        count(*) filter (where days.is_promo = predicted.is_promo) as days_right
    from days
    inner join predicted
        on
            days.group_id = predicted.group_id
            and days.known_date = predicted.known_date
    group by days.group_id, days.steps_back, predicted.days_back
    union all
    select
        group_id,
        steps_back,
        0 as days_back,
        count(*) as days,
        count(*) filter (where is_promo) as days_right
    from days
    group by group_id, steps_back

),

origin_steps as (

    select
        origins.filling_origin,
        (newest.filling_origin - origins.filling_origin)
        // {{ var('filling_origin_step_days') }} as steps_back
    from origins
    inner join origins as newest on not newest.is_past

)

select
    origin_steps.filling_origin,
    steps.group_id,
    cast(steps.days_back as integer) as days_back,
    cast(sum(steps.days) as integer) as days,
    sum(steps.days_right) / sum(steps.days) as score
from origin_steps
inner join steps
    on
        origin_steps.steps_back <= steps.steps_back
        and steps.steps_back < origin_steps.steps_back
        + {{ var('filling_scored_days') }} // {{ var('filling_origin_step_days') }}
group by origin_steps.filling_origin, steps.group_id, steps.days_back
having sum(steps.days) >= {{ var('filling_min_history_days') }}
order by origin_steps.filling_origin, steps.group_id, steps.days_back
