{# The Monday of an ISO week. Week 1 is the one with 4 January in it; week 53 of a year that has
   only 52 is the first week of the next. #}
{% macro iso_week_monday(iso_year, iso_week) -%}
cast(date_trunc('week', make_date({{ iso_year }}, 1, 4)) as date) + 7 * ({{ iso_week }} - 1)
{%- endmacro %}
