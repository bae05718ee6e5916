{# Fails with every row for which `condition` is false or NULL, so that a condition must cover
   missing values. #}
{% test every_row_satisfies(model, condition) %}

select *
from {{ model }}
where ({{ condition }}) is not true

{% endtest %}
