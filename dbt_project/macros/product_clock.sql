{# The newest day with rows of at least half of the most stores that any of the 364 days with rows
   before it had, by the rule of rossmann_ml.warehouse.tables.raw: a few rows with a wrong date do
   not move it. #}
{% macro newest_counted_day(relation) -%}
select max(judged.date)
from (
    select
        days.date,
        days.stores,
        max(days.stores) over (
            order by days.date rows between 364 preceding and 1 preceding
        ) as most_stores
    from (
        select
            date,
            count(distinct store) as stores
        from {{ relation }}
        group by date
    ) as days
) as judged
where judged.stores >= coalesce(judged.most_stores, 0) / 2
{%- endmacro %}

{# The business date, by the rule of rossmann_ml.warehouse.clock: ROSSMANN_AS_OF, else for
   historical data the Monday after the newest sales, else the date of the wall clock. #}
{% macro product_today() -%}
{%- set as_of = env_var('ROSSMANN_AS_OF', '') -%}
{%- if as_of -%}
date '{{ as_of }}'
{%- else -%}
(
    select
        case
            when bool_or(data_set.is_historical)
                then cast(
                    date_trunc('week', ({{ newest_counted_day(source('raw', 'sales')) }}))
                    + interval 7 day as date
                )
            else current_date
        end
    from {{ source('raw', 'data_set') }} as data_set
)
{%- endif -%}
{%- endmacro %}

{# `dbt source freshness` compares with the product's clock instead of the wall clock, so that an
   age means the same for data of 2015 as for data of last week. Both sides are the midnight that
   starts a day. #}
{% macro duckdb__collect_freshness(source, loaded_at_field, filter) %}
{% set counted = 'true' %}
{% if source.identifier in ('sales', 'plan') %}
{% set counted = 'date <= (' ~ newest_counted_day(source) ~ ')' %}
{% endif %}
{% call statement('collect_freshness', fetch_result=True, auto_begin=False) -%}
select
    timezone('UTC', cast(max({{ loaded_at_field }}) as timestamp)) as max_loaded_at,
    timezone('UTC', cast({{ product_today() }} as timestamp)) as snapshotted_at
from {{ source }}
where {{ filter or 'true' }} and {{ counted }}
{%- endcall %}
{{ return(load_result('collect_freshness')) }}
{% endmacro %}
