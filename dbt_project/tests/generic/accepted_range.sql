{# Fails with every row whose value lies outside `minimum` to `maximum`, both inside; NULL is
   inside. One of the two may be left out. #}
{% test accepted_range(model, column_name, minimum=none, maximum=none) %}

select *
from {{ model }}
where
    false
    {% if minimum is not none %}or {{ column_name }} < {{ minimum }}{% endif %}
    {% if maximum is not none %}or {{ column_name }} > {{ maximum }}{% endif %}

{% endtest %}
