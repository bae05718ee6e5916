with

counted as (

    select
        sales_date,
        count(*) filter (where is_active) as stores_active,
        count(*) filter (where is_expected) as stores_expected,
        count(*) filter (where is_observed) as stores_with_rows,
        count(*) filter (where is_active and is_reported) as active_with_rows,
        count(*) filter (where is_expected and is_reported) as expected_with_rows
    from {{ ref('expected_reports') }}
    group by sales_date

)

select
    sales_date,
    stores_active,
    stores_expected,
    stores_with_rows,
    -- on a day when every store should be closed, all active stores are expected
    case
        when stores_expected > 0 then expected_with_rows / stores_expected
        when stores_active > 0 then active_with_rows / stores_active
    end as coverage
from counted
order by sales_date
