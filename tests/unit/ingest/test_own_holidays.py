"""The retailer's own file of holidays, ``holidays.csv``."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest
from support.ingest_warehouse import land, session_on, settings_as_of

from rossmann_ml.base.errors import BadFileError
from rossmann_ml.ingest.withdrawal import withdraw_file

TODAY = date(2015, 6, 22)
HEADER = "Date,State,StateHoliday,SchoolHoliday,Name"
STATES = "Store,State\n1,HE\n2,AT-9\n3,FR-57\n"

Rows = list[tuple[str, date, str | None, int | None]]


def land_holidays(
    connection: duckdb.DuckDBPyConnection, folder: Path, *lines: str, bad_share: float = 1.0
) -> tuple[str, ...]:
    """Land a file with these lines after the stores' places, and return the warnings."""
    land(connection, folder / "store_states.csv", STATES, today=TODAY)
    content = "\n".join([HEADER, *lines]) + "\n"
    path = folder / "holidays.csv"
    return land(connection, path, content, today=TODAY, bad_share=bad_share).warnings


def by_place(connection: duckdb.DuckDBPyConnection) -> Rows:
    return connection.execute("FROM raw.holidays_by_place ORDER BY state, date").fetchall()


def test_a_holiday_of_a_country_holds_for_its_parts_unless_the_file_names_the_part(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    lines = (
        "2015-08-03,DE,a,,Day",
        "2015-08-04,AT-9,0,1,",
        "2015-08-04,AT,a,,",
        "2015-08-05,FRA,c,0,",
    )
    assert land_holidays(with_stores, tmp_path, *lines) == ()
    assert by_place(with_stores) == [
        ("AT-9", date(2015, 8, 4), "0", 1),
        ("FR-57", date(2015, 8, 5), "c", 0),
        ("HE", date(2015, 8, 3), "a", None),
    ]


def test_a_new_edition_replaces_the_days_it_covers_and_a_withdrawal_brings_the_old_back(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    land_holidays(with_stores, tmp_path, "2015-01-02,HE,a,,", "2015-08-03,HE,a,,")
    first = by_place(with_stores)
    land_holidays(with_stores, tmp_path, "2015-08-01,HE,,1,", "2015-08-04,HE,a,,")
    days = [day for _, day, *_ in by_place(with_stores)]
    assert days == [date(2015, 1, 2), date(2015, 8, 1), date(2015, 8, 4)]
    session = session_on(with_stores, settings_as_of(TODAY))
    withdraw_file(session, "holidays.csv", reason="wrong year", actor="planner")
    assert by_place(with_stores) == first


def test_a_place_without_stores_is_named(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    (warning,) = land_holidays(with_stores, tmp_path, "2015-08-03,CH,a,,", "2015-08-03,HE,a,,")
    assert warning.startswith("no store is in CH by store_states.csv")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("03.08.2015,HE,a,,", "Date is not a day written YYYY-MM-DD"),
        ("2015-08-03,Hesse,a,,", "State is no place such as HE"),
        ("2015-08-03,HE,1,,", "StateHoliday is none of 0; a; b; c"),
        ("2015-08-03,HE,,yes,", "SchoolHoliday is neither 0 nor 1"),
        ("2015-08-03,HE,,,Day", "StateHoliday and SchoolHoliday are both empty"),
    ],
)
def test_a_faulty_row_is_refused_with_file_line_value_and_expectation(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path, line: str, reason: str
) -> None:
    with pytest.raises(BadFileError) as refused:
        land_holidays(with_stores, tmp_path, "2015-08-02,HE,a,,", line, bad_share=0.05)
    for part in ("holidays.csv", reason, "line 3", line):
        assert part in str(refused.value)
    assert by_place(with_stores) == []
