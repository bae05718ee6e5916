{# Easter of the western churches by the rule of Meeus, Jones and Butcher. #}
with

span as (

    select
        year(min(sales.sales_date)) as first_year,
        year(max(origins.last_plan_date)) as last_year
    from {{ ref('sales_versions') }} as sales
    cross join {{ ref('filling_origins') }} as origins

),

years as (

    select cast(unnest(generate_series(first_year, last_year)) as integer) as easter_year
    from span

),

golden as (

    select
        easter_year,
        easter_year % 19 as a,
        easter_year // 100 as b,
        easter_year % 100 as c
    from years

),

moons as (

    select
        *,
        (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30 as h
    from golden

),

weeks as (

    select
        *,
        (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7 as l
    from moons

),

numbered as (

    select
        easter_year,
        h + l - 7 * ((a + 11 * h + 22 * l) // 451) + 114 as n
    from weeks

)

select
    easter_year,
    make_date(easter_year, n // 31, n % 31 + 1) as easter_sunday
from numbered
order by easter_year
