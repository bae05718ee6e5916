{{ config(meta={'dagster': {'ref': {'name': 'forecast_driver_changes'}}}) }}
-- The parts of a change add up to the change of the forecast and of its log.
select
    changes.*,
    revisions.sales_forecast,
    revisions.previous_forecast
from {{ ref('forecast_driver_changes') }} as changes
left join {{ ref('forecast_revisions') }} as revisions
    on
        changes.forecast_origin = revisions.forecast_origin
        and changes.store_id = revisions.store_id
        and changes.target_date = revisions.target_date
where
    (
        abs(
            ln(revisions.sales_forecast / revisions.previous_forecast)
            - (
                changes.level_change_log
                + changes.weekday_change_log
                + changes.promo_change_log
                + changes.holidays_change_log
                + changes.season_change_log
                + changes.trend_change_log
                + changes.competition_change_log
                + changes.bias_factor_change_log
            )
        ) < 0.000000001
    ) is not true
    or (
        abs(
            revisions.change
            - (
                changes.level_change_eur
                + changes.weekday_change_eur
                + changes.promo_change_eur
                + changes.holidays_change_eur
                + changes.season_change_eur
                + changes.trend_change_eur
                + changes.competition_change_eur
                + changes.bias_factor_change_eur
            )
        ) < 0.000001
    ) is not true
