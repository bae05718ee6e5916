{# Whether a store in `store_state` keeps the holidays of `holiday_state`: those of its place, which
   include the nationwide ones, or of either place where two are possible, such as HB,NI. #}
{% macro holds_holiday(store_state, holiday_state) -%}
list_contains(string_split({{ store_state }}, ','), {{ holiday_state }})
{%- endmacro %}
