"""Public holidays and their codes are compared with the rules in the states' laws.

Definitions: the docstring of ``rossmann_ml.ingest.public_holidays`` (``b`` Easter, ``c`` Christmas,
``a`` any other; the years from the first sales to the year after the newest sales or plan day).
Easter's date is Gauss's rule in the form of Meeus, Jones and Butcher; the states' holidays of 2015
to 2016 are those of their Feiertagsgesetze.
"""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import pytest

from rossmann_ml.ingest.public_holidays import (
    GERMAN_STATES,
    fill_public_holidays,
    german_public_holidays,
    is_place,
    public_holidays,
    state_holiday_code,
)


def easter_sunday(year: int) -> date:
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day = divmod(h + weekday - 7 * m + 114, 31)
    return date(year, month, day + 1)


def holidays_of(state: str, year: int) -> set[date]:
    """Return the public holidays of a state in 2015 or 2016; ``DE`` is the whole country."""
    sunday = easter_sunday(year)

    def after_easter(days: int) -> date:
        return sunday + timedelta(days=days)

    found = {date(year, *day) for day in [(1, 1), (5, 1), (10, 3), (12, 25), (12, 26)]}
    found |= {after_easter(days) for days in (-2, 1, 39, 50)}
    if state in ("BW", "BY", "ST"):
        found.add(date(year, 1, 6))
    if state in ("BW", "BY", "HE", "NW", "RP", "SL"):
        found.add(after_easter(60))
    if state in ("BW", "BY", "NW", "RP", "SL"):
        found.add(date(year, 11, 1))
    if state in ("BB", "MV", "SN", "ST", "TH"):
        found.add(date(year, 10, 31))
    if state == "SL":
        found.add(date(year, 8, 15))
    if state == "BB":  # Easter and Whit Sunday by law
        found |= {sunday, after_easter(49)}
    if state == "SN":  # the Wednesday before 23 November
        found.add(
            next(
                date(year, 11, day)
                for day in range(22, 15, -1)
                if date(year, 11, day).weekday() == 2
            )
        )
    return found


def code_of(day: date) -> str:
    easter = [easter_sunday(day.year) + timedelta(days=days) for days in (-2, 0, 1)]
    if day in easter:
        return "b"
    return "c" if (day.month, day.day) in [(12, 25), (12, 26)] else "a"


@pytest.mark.parametrize("year", [2013, 2014, 2015, 2016, 2026])
def test_every_day_of_a_year_has_the_code_that_the_rules_give(year: int) -> None:
    day = date(year, 1, 1)
    while day.year == year:
        assert state_holiday_code(day) == code_of(day), day
        day += timedelta(days=1)


def test_the_days_around_easter_and_christmas_have_their_codes() -> None:
    sunday = date(2015, 4, 5)
    codes = [state_holiday_code(sunday + timedelta(days=days)) for days in range(-4, 4)]
    assert "".join(codes) == "aababbaa"
    christmas = [state_holiday_code(date(2015, 12, day)) for day in range(23, 29)]
    assert "".join(christmas) == "aaccaa"
    assert state_holiday_code(date(2015, 11, 25)) == "a"


def test_the_holidays_of_every_state_are_those_of_its_law() -> None:
    listed = german_public_holidays(2015, 2016)
    expected = {
        (state, day, code_of(day))
        for state in ("DE", *GERMAN_STATES)
        for year in (2015, 2016)
        for day in holidays_of(state, year)
    }
    found = listed.select("state", "date", "state_holiday").rows()
    assert set(found) == expected
    assert len(found) == len(expected)


def test_holidays_are_listed_nationwide_first_then_by_state_and_day_with_english_names() -> None:
    listed = german_public_holidays(2015, 2015)
    keys = list(zip(listed["state"], listed["date"], strict=True))
    assert keys == sorted(keys, key=lambda key: (key[0] != "DE", *key))
    assert listed.row(0) == ("DE", date(2015, 1, 1), "New Year's Day", "a")


def years(connection: duckdb.DuckDBPyConnection) -> list[int]:
    rows = connection.execute("SELECT DISTINCT year(date) FROM raw.public_holidays").fetchall()
    return sorted(year for (year,) in rows)


def note_day(connection: duckdb.DuckDBPyConnection, table: str, day: date) -> None:
    columns = "load_id, line_number, store, day_of_week, date, open, promo, state_holiday"
    sales = ", sales" if table == "sales" else ""
    connection.execute(
        "INSERT OR IGNORE INTO raw.loads BY NAME SELECT 1 AS load_id, 'sales' AS kind, 'f' AS "
        "file_name, 'h' AS file_sha256, true AS is_bulk, 1 AS rows_read, 1 AS rows_landed, "
        "0 AS rows_restated, 0 AS rows_unchanged, 0 AS rows_quarantined, DATE '2015-01-01' AS "
        "known_on, TIMESTAMP '2015-01-01' AS loaded_at"
    )
    connection.execute(
        f"INSERT INTO raw.{table} ({columns}, school_holiday, known_on{sales}) "
        f"VALUES (1, 2, 1, 1, ?, 1, 0, '0', 0, ?{', 1' if sales else ''})",
        [day, day],
    )


def test_the_table_covers_the_first_day_to_the_year_after_the_newest(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    warehouse.execute("DELETE FROM raw.public_holidays")
    fill_public_holidays(warehouse)
    assert years(warehouse) == []
    note_day(warehouse, "sales", date(2015, 12, 31))
    fill_public_holidays(warehouse)
    assert years(warehouse) == [2015, 2016]
    note_day(warehouse, "plan", date(2016, 1, 1))
    fill_public_holidays(warehouse)
    assert years(warehouse) == [2015, 2016, 2017]
    note_day(warehouse, "sales", date(2014, 12, 31))
    fill_public_holidays(warehouse)
    assert years(warehouse) == [2014, 2015, 2016, 2017]
    count = "SELECT count(*) FROM raw.public_holidays WHERE state = 'SL'"
    assert warehouse.execute(count).fetchall() == [(4 * len(holidays_of("SL", 2015)) + 1,)]


def test_a_table_that_covers_the_days_is_left_as_it_is(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    note_day(warehouse, "plan", date(2015, 1, 1))
    fill_public_holidays(warehouse)
    warehouse.execute("UPDATE raw.public_holidays SET name = 'kept' WHERE date = '2015-05-01'")
    fill_public_holidays(warehouse)
    kept = "SELECT count(*) FROM raw.public_holidays WHERE name = 'kept'"
    assert warehouse.execute(kept).fetchall() == [(17,)]
    note_day(warehouse, "plan", date(2016, 1, 1))
    fill_public_holidays(warehouse)
    assert warehouse.execute(kept).fetchall() == [(0,)]


@pytest.mark.parametrize(
    ("place", "day", "other"),
    [
        ("FR", date(2026, 7, 14), date(2026, 10, 3)),
        ("AT-9", date(2026, 10, 26), date(2026, 10, 3)),
        ("BEL", date(2026, 7, 21), date(2026, 10, 3)),
        ("DE-BY", date(2026, 1, 6), date(2026, 7, 14)),
        ("BE", date(2026, 3, 8), date(2026, 7, 21)),  # Berlin, not Belgium
    ],
)
def test_places_of_other_countries_have_their_own_holidays(
    place: str, day: date, other: date
) -> None:
    listed = public_holidays([place], 2026, 2026)
    assert set(listed["state"]) == {place}
    assert day in set(listed["date"])
    assert other not in set(listed["date"])


@pytest.mark.parametrize("text", ["HE", "HB,NI", "DE-HE", "AT", "at-9", "AUT", "FR-57", "CHE-ZH"])
def test_a_state_a_country_and_a_part_of_a_country_are_places(text: str) -> None:
    assert is_place(text)


@pytest.mark.parametrize("text", ["XX", "", "AT-", "AT-10", "HE,", "Bavaria", "DE-XX"])
def test_other_texts_are_no_places(text: str) -> None:
    assert not is_place(text)


def test_the_table_has_the_holidays_of_the_stores_places(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    note_day(warehouse, "sales", date(2015, 5, 1))
    fill_public_holidays(warehouse)
    warehouse.execute("INSERT INTO raw.store_states VALUES (1, 2, 1, 'AT-9,FR', DATE '2015-01-01')")
    fill_public_holidays(warehouse)
    found = warehouse.execute(
        "SELECT state FROM raw.public_holidays WHERE state IN ('AT-9', 'FR') GROUP BY state"
    ).fetchall()
    assert sorted(found) == [("AT-9",), ("FR",)]
