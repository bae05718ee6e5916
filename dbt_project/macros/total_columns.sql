{# The unbiased total and its bounds: the sum times the factors of the run that forecast it. They
   are 0 where no store opens, and NULL for a segment that the run did not have. Quantiles
   of the total need the scale and the shape of its errors. #}
{% macro total_columns(sums, intervals) -%}
{%- set factors = {
    'sales_unbiased': 'unbiased_factor',
    'lower_80': 'lower_80_factor',
    'upper_80': 'upper_80_factor',
    'lower_95': 'lower_95_factor',
    'upper_95': 'upper_95_factor',
} -%}
{%- for column, factor in factors.items() %}
    case
        when {{ sums }}.open_store_days = 0 then 0
        else {{ sums }}.sales_forecast * {{ intervals }}.{{ factor }}
    end as {{ column }}{{ ',' if not loop.last }}
{%- endfor %},
    case when {{ sums }}.open_store_days = 0 then 0 else {{ intervals }}.error_scale end
        as error_scale,
    {{ intervals }}.error_shape
{%- endmacro %}
