{# A sum of doubles that is bit-identical for any number of threads: the terms are rounded to
   `digits` decimals first and added as integers. #}
{% macro exact_sum(term, digits=4) -%}
cast(sum(cast({{ term }} as decimal(38, {{ digits }}))) as double)
{%- endmacro %}
