{# True where more than half of the rows say so. Counts are integers, so the answer does not
   depend on the order in which threads add. #}
{% macro majority(condition) -%}
2 * count(*) filter (where {{ condition }}) > count(*)
{%- endmacro %}
