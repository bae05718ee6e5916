{# Whether `condition` is true in more than half of the rows. Counts are integers, so the result
   does not depend on the order in which threads add. #}
{% macro majority(condition) -%}
2 * count(*) filter (where {{ condition }}) > count(*)
{%- endmacro %}
