"""Fill the table ``raw.public_holidays`` with Germany's public holidays by state.

Entry points: :func:`fill_public_holidays`, :func:`german_public_holidays`. dbt decides which of
the holidays a store observes; school holidays come with the retailer's files.
"""

from __future__ import annotations

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


def german_public_holidays(first_year: int, last_year: int) -> pl.DataFrame:
    """List Germany's public holidays, for every state and for the whole country.

    Args:
        first_year: First year of the list.
        last_year: Last year of the list, inclusive.

    Returns:
        ``state`` (two letters, or ``DE`` for nationwide), ``date``, ``name`` (English),
        ``state_holiday`` (``a``, ``b``, ``c``); one row per state and day, sorted.
    """
    import holidays  # noqa: PLC0415 - takes a third of a second, and few commands need it

    years = range(first_year, last_year + 1)
    rows = [
        (state, day, name, state_holiday_code(day))
        for state in (NATIONWIDE, *GERMAN_STATES)
        for day, name in sorted(
            holidays.country_holidays(
                "DE",
                subdiv=None if state == NATIONWIDE else state,
                years=years,
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


def fill_public_holidays(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill ``raw.public_holidays`` for the years of the sales and the plan in force.

    The table covers the years from the first day of sales or plan to the year after the last day,
    because a horizon may end in the next year. Without sales and plan the table stays as it is.

    Args:
        connection: Writing connection to the pipeline's database.
    """
    ((first, last),) = connection.execute(
        f"SELECT min(date), max(date) FROM (SELECT date FROM ({raw.rows_in_force('raw.sales')}) "  # noqa: S608
        f"UNION ALL SELECT date FROM ({raw.rows_in_force('raw.plan')}))"
    ).fetchall()
    if first is None:
        return
    first_year, last_year = first.year, last.year + 1
    covered = connection.execute(
        "SELECT year(min(date)), year(max(date)) FROM raw.public_holidays"
    ).fetchall()
    if covered == [(first_year, last_year)]:
        return
    connection.execute(
        "DELETE FROM raw.public_holidays WHERE year(date) NOT BETWEEN ? AND ?",
        [first_year, last_year],
    )
    connection.register("expected_holidays", german_public_holidays(first_year, last_year))
    connection.execute(
        "INSERT OR REPLACE INTO raw.public_holidays BY NAME SELECT * FROM expected_holidays"
    )
    connection.unregister("expected_holidays")
