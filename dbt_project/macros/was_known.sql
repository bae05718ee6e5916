{# The version of a row that was the newest on the day `known_by`: landed by then and not yet
   replaced by then. #}
{% macro was_known(version, known_by) -%}
{{ version }}.known_on <= {{ known_by }}
and ({{ version }}.superseded_on is null or {{ version }}.superseded_on > {{ known_by }})
{%- endmacro %}
