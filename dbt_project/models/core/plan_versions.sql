{% set facts = ['is_open', 'is_promo', 'state_holiday', 'is_school_holiday'] %}

with

{{ versions(ref('stg_plan'), 'plan_date', facts) }}
