{# Level of a row of grouping sets over stores. #}
{% macro total_level() -%}
case
    when grouping(store_id) = 0 then 'store'
    when grouping(store_type) = 0 then 'store_type'
    when grouping(assortment) = 0 then 'assortment'
    when grouping(state) = 0 then 'state'
    else 'chain'
end
{%- endmacro %}

{# Segment of a row of grouping sets over stores. #}
{% macro total_segment() -%}
coalesce(cast(store_id as varchar), store_type, assortment, state, 'all')
{%- endmacro %}
