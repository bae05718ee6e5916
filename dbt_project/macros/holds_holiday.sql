{# Whether a store in `store_state` keeps the holidays of `holiday_state`: those of its own state
   (of either, where two are possible, such as HB,NI) and the nationwide ones, listed as DE. #}
{% macro holds_holiday(store_state, holiday_state) -%}
    (
        {{ holiday_state }} = 'DE'
        or list_contains(string_split({{ store_state }}, ','), {{ holiday_state }})
    )
{%- endmacro %}
