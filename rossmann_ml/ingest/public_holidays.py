"""Fill tables with the holidays of the stores' places, by the holidays package and by the retailer.

Entry points: :func:`fill_public_holidays` (by the package), :func:`fill_own_holidays` (by the file
``holidays.csv``), :func:`public_holidays`, :func:`is_place`. A place is a German state (``HE``), a
country (``FR``), or a country and its subdivision (``AT-9``). dbt prefers the retailer's rows, and
decides which of the holidays a store observes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import duckdb
import polars as pl
from dateutil.easter import easter

from rossmann_ml.warehouse.tables import raw

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
    ``BEL``. A country is returned by its code of two letters.

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
    country = holidays.country_holidays(country).country
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
    places = dict.fromkeys((NATIONWIDE, *GERMAN_STATES, *_places_of_stores(connection)))
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


def fill_own_holidays(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Fill ``raw.holidays_by_place`` with the rows of ``holidays.csv``, by place of the stores.

    A row of a country holds for the stores in all its parts, unless the file has a row of the part
    on the same day.

    Args:
        connection: Writing connection to the pipeline's database.

    Returns:
        A message with the places of the file in which no store is; empty if there are none.
    """
    connection.execute("DELETE FROM raw.holidays_by_place")
    newest = raw.newest_rows("raw.holidays")
    listed: dict[str, list[tuple[date, str | None, int | None]]] = {}
    query = f"SELECT state, date, state_holiday, school_holiday FROM ({newest})"  # noqa: S608
    for state, *row in connection.execute(f"{query} ORDER BY date, state").fetchall():
        for place in state.split(","):
            listed.setdefault(place.strip().upper(), []).append(tuple(row))
    if not listed:
        return ()
    known = {place: _country_and_subdivision(place) for place in listed}
    used: set[str] = set()
    rows: list[tuple[str, date, str | None, int | None]] = []
    for place in _places_of_stores(connection):
        found = _country_and_subdivision(place)
        country = None if found is None else (found[0], None)
        by_day: dict[date, tuple[str | None, int | None]] = {}
        for wanted in (country, found):  # rows of the part overwrite those of the country
            for other in (each for each in listed if wanted and known[each] == wanted):
                used.add(other)
                by_day |= {day: (public, school) for day, public, school in listed[other]}
        rows += [(place, day, *values) for day, values in by_day.items()]
    if rows:
        connection.executemany("INSERT INTO raw.holidays_by_place VALUES (?, ?, ?, ?)", rows)
    unused = ", ".join(sorted(set(listed) - used))
    if not unused:
        return ()
    return (f"no store is in {unused} by store_states.csv, so these rows have no effect",)


def _places_of_stores(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the places that any row of ``raw.store_states`` names, in capitals."""
    rows = connection.execute(
        "SELECT DISTINCT unnest(string_split(upper(replace(state, ' ', '')), ',')) AS place "
        "FROM raw.store_states ORDER BY place"
    ).fetchall()
    return [place for (place,) in rows if place]
