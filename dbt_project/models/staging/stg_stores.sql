{% set oldest_believed_competition_year = 1990 %}

with

source as (

    select * from {{ source('raw', 'stores') }}

),

renamed as (

    select
        store as store_id,
        store_type,
        assortment,
        competition_distance as competition_distance_m,
        -- Kaggle has openings of 1900 and 1961: a placeholder and a date that only means "always
        -- there", so both count as unknown
        case
            when
                competition_open_since_year >= {{ oldest_believed_competition_year }}
                and competition_open_since_month between 1 and 12
                then make_date(competition_open_since_year, competition_open_since_month, 1)
        end as competition_open_since,
        promo2 = 1 as has_promo2,
        case
            when promo2 = 1 and promo2_since_week between 1 and 53
                then {{ iso_week_monday('promo2_since_year', 'promo2_since_week') }}
        end as promo2_since,
        -- months by their first three letters: the file writes September as Sept
        case
            when promo2 = 1 and trim(promo_interval) <> ''
                then array_to_string(
                    list_transform(
                        string_split(promo_interval, ','), lambda month: left(trim(month), 3)
                    ),
                    ','
                )
        end as promo2_months,
        load_id,
        line_number,
        known_on
    from source

)

select * from renamed
