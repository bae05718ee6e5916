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
                    date_trunc('week', (
                        select max(date) from {{ source('raw', 'sales') }}
                        where load_id in (
                            select load_id from {{ source('raw', 'loads') }}
                            where withdrawn_on is null
                        )
                    ))
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
{% call statement('collect_freshness', fetch_result=True, auto_begin=False) -%}
select
    timezone('UTC', cast(max({{ loaded_at_field }}) as timestamp)) as max_loaded_at,
    timezone('UTC', cast({{ product_today() }} as timestamp)) as snapshotted_at
from {{ source }}
where {{ filter or 'true' }}
{%- endcall %}
{{ return(load_result('collect_freshness')) }}
{% endmacro %}
