-- The paths of a day hold as many requests as the day as a whole.
select
    usage_date,
    sum(requests) filter (where path = 'all') as requests_of_the_day,
    sum(requests) filter (where path <> 'all') as requests_of_its_paths
from {{ ref('api_usage') }}
group by usage_date
having requests_of_the_day is distinct from requests_of_its_paths
