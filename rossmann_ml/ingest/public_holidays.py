"""Fill the table ``raw.public_holidays`` with the public holidays of the stores' places.

Entry points: :func:`fill_public_holidays`, :func:`public_holidays`, :func:`is_place`. A place is a
German state (``HE``), a country (``FR``), or a country and its subdivision (``AT-9``). dbt decides
which of the holidays a store observes; school holidays come with the retailer's files.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import duckdb
import polars as pl
from dateutil.easter import easter

NATIONWIDE = "DE"
# fmt: off
GERMAN_STATES = (
    "BB", "BE", "BW", "BY", "HB", "HE", "HH", "MV", "NI", "NW", "RP", "SH", "SL", "SN", "ST", "TH",
)
# fmt: on


def state_holiday_code(day: date) -> str:
    """Return the retailer's code for a public holiday: ``b`` Easter, ``c`` Christmas, ``a`` other.

    For a day that is not a public holiday the result has no meaning.
    """
    sunday = easter(day.year)
    if day in (sunday - timedelta(days=2), sunday, sunday + timedelta(days=1)):
        return "b"
    return "c" if (day.month, day.day) in ((12, 25), (12, 26)) else "a"


def is_place(text: str) -> bool:
    """Return whether `text` names places whose public holidays are known.

    Args:
        text: One place, or several joined by commas where a store could be in either.
    """
    return all(_country_and_subdivision(place) is not None for place in text.split(","))


def _country_and_subdivision(place: str) -> tuple[str, str | None] | None:
    """Return a place's country and subdivision by the names of the holidays package.

    A code of two letters that is a German state means that state: ``BE`` is Berlin, and Belgium is
    ``BEL``.

    Returns:
        None for an unknown place. The subdivision is None for a whole country.
    """
    import holidays  # noqa: PLC0415 - takes a third of a second, and few commands need it

    code = place.strip().upper()
    if code in GERMAN_STATES:
        return NATIONWIDE, code
    country, _, subdivision = code.partition("-")
    subdivisions = holidays.list_supported_countries().get(country)
    if subdivisions is None:
        return None
    if not subdivision:
        return None if "-" in code else (country, None)
    return next(((country, name) for name in subdivisions if name.upper() == subdivision), None)


def public_holidays(places: Iterable[str], first_year: int, last_year: int) -> pl.DataFrame:
    """List the public holidays of places; those of a subdivision include the nationwide ones.

    Args:
        places: Places, such as ``HE``, ``AT-9`` or ``FR``. Unknown ones have no holidays.
        first_year: First year of the list.
        last_year: Last year of the list, inclusive.

    Returns:
        ``state`` (the place in capitals), ``date``, ``name`` (English where the package has it),
        ``state_holiday`` (``a``, ``b``, ``c``); one row per place and day, in the order of the
        places.
    """
    import holidays  # noqa: PLC0415

    known = {place: _country_and_subdivision(place) for place in places}
    rows = [
        (place.strip().upper(), day, name, state_holiday_code(day))
        for place, found in known.items()
        if found is not None
        for day, name in sorted(
            holidays.country_holidays(
                found[0],
                subdiv=found[1],
                years=range(first_year, last_year + 1),
                language="en_US",
            ).items()
        )
    ]
    return pl.DataFrame(
        rows,
        schema={
            "state": pl.String,
            "date": pl.Date,
            "name": pl.String,
            "state_holiday": pl.String,
        },
        orient="row",
    )


def german_public_holidays(first_year: int, last_year: int) -> pl.DataFrame:
    """List Germany's public holidays, for every state and for the whole country.

    Args:
        first_year: First year of the list.
        last_year: Last year of the list, inclusive.

    Returns:
        ``state`` (two letters, or ``DE`` for nationwide), ``date``, ``name`` (English),
        ``state_holiday`` (``a``, ``b``, ``c``); one row per state and day, sorted.
    """
    return public_holidays((NATIONWIDE, *GERMAN_STATES), first_year, last_year)


def fill_public_holidays(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill ``raw.public_holidays`` for the years and places of the files in force.

    The table covers the years from the first day of sales or plan to the year after the last day,
    because a horizon may end in the next year; the places are Germany, its states and those of the
    stores. Without sales and plan the table stays as it is.

    Args:
        connection: Writing connection to the pipeline's database.
    """
    ((first, last),) = connection.execute(
        "SELECT min(date), max(date) FROM "
        "(SELECT date FROM raw.sales UNION ALL SELECT date FROM raw.plan)"
    ).fetchall()
    if first is None:
        return
    first_year, last_year = first.year, last.year + 1
    places = {
        NATIONWIDE: None,
        **dict.fromkeys(GERMAN_STATES),
        **dict.fromkeys(
            place
            for (state,) in connection.execute(
                "SELECT DISTINCT upper(replace(state, ' ', '')) AS state FROM raw.store_states "
                "ORDER BY state"
            ).fetchall()
            for place in str(state).split(",")
            if place
        ),
    }
    covered = connection.execute(
        "SELECT year(min(date)), year(max(date)), list_sort(list(DISTINCT state)) "
        "FROM raw.public_holidays"
    ).fetchall()
    if covered == [(first_year, last_year, sorted(places))]:
        return
    connection.execute("DELETE FROM raw.public_holidays")
    connection.register("expected_holidays", public_holidays(places, first_year, last_year))
    connection.execute("INSERT INTO raw.public_holidays BY NAME SELECT * FROM expected_holidays")
    connection.unregister("expected_holidays")
