{# Fails with every row whose value is below `minimum` or above `maximum`; NULL passes. One of the
   two may be left out. #}
{% test accepted_range(model, column_name, minimum=none, maximum=none) %}

select *
from {{ model }}
where
    {{ column_name }} < {{ minimum if minimum is not none else column_name }}
    or {{ column_name }} > {{ maximum if maximum is not none else column_name }}

{% endtest %}
