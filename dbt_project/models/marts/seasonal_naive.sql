with

vintages as (

    -- the data known to the first run of an origin
    select
        forecast_origin,
        min(known_by) as known_by
    from {{ ref('stg_forecast_runs') }}
    group by forecast_origin

),

sold as (

    select
        *,
        cast(isodow(sales_date) as integer) as day_of_week
    from {{ ref('sales_versions') }}
    where sales > 0

)

select
    vintages.forecast_origin,
    sold.store_id,
    sold.day_of_week,
    max(sold.sales_date) as sales_date,
    max_by(sold.sales, sold.sales_date) as sales
from vintages
inner join sold
    on
        vintages.forecast_origin >= sold.sales_date
        -- the same 365 days as in rossmann_ml.evaluation.baselines
        and sold.sales_date > vintages.forecast_origin - 365
        and {{ was_known('sold', 'vintages.known_by') }}
group by vintages.forecast_origin, sold.store_id, sold.day_of_week
order by vintages.forecast_origin, sold.store_id, sold.day_of_week
