with

source as (

    select * from {{ source('forecasting', 'forecast_drivers') }}

),

renamed as (

    select
        forecast_origin,
        store_id,
        target_date,
        level_log,
        weekday_log,
        promo_log,
        holidays_log,
        season_log,
        trend_log,
        competition_log,
        bias_factor_log,
        level_eur,
        weekday_eur,
        promo_eur,
        holidays_eur,
        season_eur,
        trend_eur,
        competition_eur,
        bias_factor_eur,
        model_version,
        run_id
    from source

)

select * from renamed
