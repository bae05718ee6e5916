{# The schema a model names is the schema it gets, staging, core or marts, without a target's
   prefix. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
{{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
