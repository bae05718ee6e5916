{# Fails with every row for which `condition` is false; NULL fails too, so that a condition says
   what it means where a column is missing. #}
{% test every_row_satisfies(model, condition) %}

select *
from {{ model }}
where ({{ condition }}) is not true

{% endtest %}
