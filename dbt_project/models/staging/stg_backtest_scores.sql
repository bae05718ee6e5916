with

source as (

    select * from {{ source('forecasting', 'backtest_scores') }}

),

renamed as (

    select
        model_version,
        model,
        forecast_origin,
        segment_kind,
        segment,
        store_days,
        rmspe_median as rmspe,
        skill,
        coverage_80,
        coverage_95
    from source

)

select * from renamed
