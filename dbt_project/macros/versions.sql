{# Versions of landed rows, as the common table expressions and the query after `with`: every row
   that says something else than the row before it, and the days on which it was the newest that was
   known. `relation` has store_id, the column `day`, the columns `facts`, load_id, known_on and
   landed_on. #}
{% macro versions(relation, day, facts) -%}
{%- set facts = facts | join(', ') -%}
ordered as (

    select
        store_id,
        {{ day }},
        {{ facts }},
        load_id,
        known_on,
        landed_on,
        row_number() over in_order as version_number,
        lag(known_on) over in_order as first_known_on,
        lag(landed_on) over in_order as landed_before,
        lag(row({{ facts }})) over in_order as said_before
    from {{ relation }}
    window in_order as (partition by store_id, {{ day }} order by load_id)

),

compared as (

    select
        * exclude (known_on, first_known_on, landed_before),
        -- a first version in a whole file is known on its own date, a restatement when it lands
        case when version_number = 1 then known_on else landed_on end as known_on,
        case when version_number = 2 then first_known_on else landed_before end as known_before
    from ordered

),

superseded as (

    select
        store_id,
        {{ day }},
        {{ facts }},
        load_id,
        known_on,
        -- the earliest of all later versions, not the next one: a clock set back would otherwise
        -- leave two versions valid on the same day
        min(known_on) over (
            partition by store_id, {{ day }}
            order by load_id
            rows between 1 following and unbounded following
        ) as superseded_on
    from compared
    -- a file that repeats the version before it adds no version
    where
        version_number = 1
        or said_before is distinct from row({{ facts }})
        or known_before > known_on

)

select
    *,
    superseded_on is null as is_current
from superseded
order by store_id, {{ day }}, load_id
{%- endmacro %}
