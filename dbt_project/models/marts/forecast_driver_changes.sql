with

drivers as (

    select * from {{ ref('stg_forecast_drivers') }}

),

in_log_units as (

    select
        revisions.store_id,
        revisions.target_date,
        revisions.forecast_origin,
        revisions.previous_origin,
        newer.model_version = older.model_version as is_same_model,
        ln(revisions.sales_forecast) - ln(revisions.previous_forecast) as change_log,
        round(newer.level_log - older.level_log, 6) as level_change_log,
        round(newer.weekday_log - older.weekday_log, 6) as weekday_change_log,
        round(newer.promo_log - older.promo_log, 6) as promo_change_log,
        round(newer.holidays_log - older.holidays_log, 6) as holidays_change_log,
        round(newer.season_log - older.season_log, 6) as season_change_log,
        round(newer.competition_log - older.competition_log, 6) as competition_change_log,
        round(newer.bias_factor_log - older.bias_factor_log, 6) as bias_factor_change_log,
        revisions.change,
        -- the logarithmic mean of both forecasts: the value of one log unit in EUR
        coalesce(revisions.change / nullif(change_log, 0), revisions.sales_forecast) as eur_per_log
    from {{ ref('forecast_revisions') }} as revisions
    inner join drivers as newer
        on
            revisions.forecast_origin = newer.forecast_origin
            and revisions.store_id = newer.store_id
            and revisions.target_date = newer.target_date
    inner join drivers as older
        on
            revisions.previous_origin = older.forecast_origin
            and revisions.store_id = older.store_id
            and revisions.target_date = older.target_date

),

in_eur as (

    select
        *,
        -- rounded like the drivers themselves; the trend gets the rest, so that the parts add up
        change_log
        - (
            level_change_log
            + weekday_change_log
            + promo_change_log
            + holidays_change_log
            + season_change_log
            + competition_change_log
            + bias_factor_change_log)
            as trend_change_log,
        round(level_change_log * eur_per_log, 2) as level_change_eur,
        round(weekday_change_log * eur_per_log, 2) as weekday_change_eur,
        round(promo_change_log * eur_per_log, 2) as promo_change_eur,
        round(holidays_change_log * eur_per_log, 2) as holidays_change_eur,
        round(season_change_log * eur_per_log, 2) as season_change_eur,
        round(competition_change_log * eur_per_log, 2) as competition_change_eur,
        round(bias_factor_change_log * eur_per_log, 2) as bias_factor_change_eur
    from in_log_units

)

select
    store_id,
    target_date,
    forecast_origin,
    previous_origin,
    is_same_model,
    change_log,
    level_change_log,
    weekday_change_log,
    promo_change_log,
    holidays_change_log,
    season_change_log,
    trend_change_log,
    competition_change_log,
    bias_factor_change_log,
    change,
    level_change_eur,
    weekday_change_eur,
    promo_change_eur,
    holidays_change_eur,
    season_change_eur,
    change
    - (
        level_change_eur
        + weekday_change_eur
        + promo_change_eur
        + holidays_change_eur
        + season_change_eur
        + competition_change_eur
        + bias_factor_change_eur)
        as trend_change_eur,
    competition_change_eur,
    bias_factor_change_eur
from in_eur
order by forecast_origin, store_id, target_date
