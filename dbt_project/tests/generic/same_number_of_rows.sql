{# Fails when the model and `compared_with` do not have the same number of rows; either side may be
   narrowed by a condition. #}
{% test same_number_of_rows(model, compared_with, model_where="true", compared_where="true") %}

with

counted as (

    select
        (select count(*) from {{ model }} where {{ model_where }}) as rows_of_model,
        (select count(*) from {{ compared_with }} where {{ compared_where }}) as rows_of_compared

)

select *
from counted
where rows_of_model <> rows_of_compared

{% endtest %}
