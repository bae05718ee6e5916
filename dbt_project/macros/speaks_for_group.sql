{# Whether `stores`, a number of stores, is enough to speak for a group of the level `group_level`:
   a few stores do not; a store speaks for itself, and whatever stores a chain has for the chain. #}
{% macro speaks_for_group(stores, group_level) -%}
({{ stores }} >= {{ var('filling_min_group_stores') }} or {{ group_level }} in ('store', 'chain'))
{%- endmacro %}
