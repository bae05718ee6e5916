{# Delete the plans of origins after the newest complete day: a file that was withdrawn or replaced
   had moved the origin ahead. #}
{% macro forget_origins_after_the_newest_day(relation) -%}
{%- if execute and is_incremental() -%}
delete from {{ relation }}
where forecast_origin > (select newest_complete_date from {{ ref('forecast_origin') }})
{%- endif -%}
{%- endmacro %}
