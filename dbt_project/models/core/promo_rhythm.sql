with

newest as (

    select * from {{ ref('filling_origins') }}
    where not is_past

),

groups as (

    select * from {{ ref('store_groups') }}

),

scores as (

    select * from {{ ref('promo_scores') }}

),

plan_days as (

    select * from {{ ref('days_to_fill') }}

),

-- who speaks for a store: itself, else the smallest of its groups that has enough scored days
basis as (

    select
        scores.filling_origin,
        groups.store_id,
        arg_min(groups.group_id, groups.group_rank) as group_id,
        arg_min(groups.group_level, groups.group_rank) as group_level,
        arg_min(scores.score, groups.group_rank) as promo_share,
        greatest(promo_share, 1 - promo_share) as usual_score
    from scores
    inner join groups on scores.group_id = groups.group_id
    where scores.days_back = 0
    group by scores.filling_origin, groups.store_id

),

usual as (

    select distinct
        filling_origin,
        group_id,
        usual_score
    from basis

),

-- materialized: otherwise every day of a group meets every other before the lag is applied
earlier as materialized (

    select
        scores.filling_origin,
        scores.group_id,
        scores.days_back,
        scores.score,
        plan_days.plan_date,
        plan_days.plan_date - scores.days_back as known_date
    from scores
    inner join usual
        on
            scores.filling_origin = usual.filling_origin
            and scores.group_id = usual.group_id
            and scores.score
            > usual.usual_score + {{ var('filling_min_error_reduction') }} * (1 - usual.usual_score)
    inner join plan_days on scores.filling_origin = plan_days.filling_origin
    where
        scores.days_back > 0
        -- the plan after a past origin is hidden
        and (
            not plan_days.is_past
            or plan_days.plan_date - scores.days_back <= scores.filling_origin
        )

),

rhythm as (

    select
        earlier.filling_origin,
        earlier.group_id,
        earlier.plan_date,
        arg_max(promo.is_promo, (earlier.score, -earlier.days_back)) as is_promo,
        arg_max(earlier.days_back, (earlier.score, -earlier.days_back)) as days_back,
        max(earlier.score) as score
    from earlier
    inner join {{ ref('promo_days') }} as promo
        on
            earlier.group_id = promo.group_id
            and earlier.known_date = promo.known_date
    group by earlier.filling_origin, earlier.group_id, earlier.plan_date

),

planned_groups as (

    select distinct promo.group_id
    from {{ ref('promo_days') }} as promo
    inner join newest on promo.known_date > newest.filling_origin

),

-- materialized: a store's few groups first, then their days
peers as materialized (

    select
        basis.store_id,
        basis.group_id as own_id,
        groups.group_id,
        groups.group_level,
        groups.group_rank
    from basis
    inner join newest on basis.filling_origin = newest.filling_origin
    inner join groups on basis.store_id = groups.store_id
    inner join planned_groups on groups.group_id = planned_groups.group_id
    where groups.group_level <> 'store'

),

own_days as materialized (

    select
        peers.*,
        promo.known_date,
        promo.is_promo
    from peers
    inner join {{ ref('promo_days') }} as promo on peers.own_id = promo.group_id
    inner join newest
        on
            promo.known_date <= newest.filling_origin
            and promo.known_date > newest.filling_origin - {{ var('filling_scored_days') }}

),

-- how often a store had the promotion that its group had on the same day
agreement as (

    select
        own_days.store_id,
        own_days.group_id,
        own_days.group_level,
        own_days.group_rank,
        avg(cast(own_days.is_promo = promo.is_promo as integer)) as score
    from own_days
    inner join {{ ref('promo_days') }} as promo
        on
            own_days.group_id = promo.group_id
            and own_days.known_date = promo.known_date
    group by all
    having count(*) >= {{ var('filling_min_history_days') }}

),

others as (

    select
        newest.filling_origin,
        agreement.store_id,
        promo.known_date as plan_date,
        arg_max(promo.is_promo, (agreement.score, -agreement.group_rank)) as is_promo,
        arg_max(agreement.group_level, (agreement.score, -agreement.group_rank))
            as group_level,
        max(agreement.score) as score
    from agreement
    inner join {{ ref('promo_days') }} as promo on agreement.group_id = promo.group_id
    inner join newest on promo.known_date > newest.filling_origin
    group by newest.filling_origin, agreement.store_id, promo.known_date

),

judged as (

    select
        plan_days.filling_origin,
        groups.store_id,
        plan_days.plan_date,
        basis.group_level,
        basis.promo_share > 0.5 as usual_promo,
        basis.usual_score,
        others.is_promo as others_promo,
        others.group_level as others_level,
        others.score as others_score,
        rhythm.is_promo as rhythm_promo,
        rhythm.days_back,
        rhythm.score as rhythm_score,
        case
            when basis.store_id is null then 'default'
            when
                others.score >= coalesce(rhythm.score, 0)
                and others.score >= basis.usual_score
                then 'others'
            when rhythm.score is not null then 'rhythm'
            else 'usual'
        end as promo_rule
    from plan_days
    cross join groups
    left join basis
        on
            plan_days.filling_origin = basis.filling_origin
            and groups.store_id = basis.store_id
    left join others
        on
            plan_days.filling_origin = others.filling_origin
            and groups.store_id = others.store_id
            and plan_days.plan_date = others.plan_date
    left join rhythm
        on
            plan_days.filling_origin = rhythm.filling_origin
            and plan_days.plan_date = rhythm.plan_date
            and basis.group_id = rhythm.group_id
    where groups.group_level = 'store'

)

select
    filling_origin,
    store_id,
    plan_date,
    case promo_rule
        when 'others' then others_promo
        when 'rhythm' then rhythm_promo
        when 'usual' then usual_promo
        else false
    end as is_promo,
    promo_rule,
    case promo_rule when 'others' then others_level else group_level end as group_level,
    case promo_rule when 'rhythm' then days_back when 'others' then 0 end as days_back,
    case promo_rule
        when 'others' then others_score
        when 'rhythm' then rhythm_score
        when 'usual' then usual_score
    end as score
from judged
order by filling_origin, store_id, plan_date
