"""Files whose days do not fit their name, or that change much of what is landed, do not just land.

A chain of 20 stores with four weeks up to Friday 2015-06-12. Definitions: the comments of section
``ingest`` in ``params.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from support.ingest_warehouse import land, settings_as_of
from support.retailer import PLAN_HEADER, SALES_HEADER, STORE_HEADER, plan_line, sales_line, text

from rossmann_ml.base.errors import BadFileError, HeldError
from rossmann_ml.ingest.file_load import FileLanding
from rossmann_ml.warehouse.clock import product_today
from rossmann_ml.warehouse.tables import raw

FRIDAY = date(2015, 6, 12)
STORES = range(1, 21)


def days(last: date, count: int) -> list[date]:
    return [last - timedelta(days=back) for back in reversed(range(count))]


def sales(of_days: Iterable[date], stores: Iterable[int] = STORES, factor: float = 1) -> list[str]:
    stores = list(stores)
    return [
        sales_line(store, day, 100 * store * factor, Customers=10 * store, Open=1)
        for day in of_days
        for store in stores
    ]


def plan(of_days: Iterable[date], stores: Iterable[int] = STORES) -> list[str]:
    stores = list(stores)
    return [plan_line(1, store, day) for day in of_days for store in stores]


def stores_file(stores: Iterable[int]) -> str:
    return text(STORE_HEADER, [f"{store},c,a,1270,9,2008,0,,," for store in stores])


@pytest.fixture
def chain(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> duckdb.DuckDBPyConnection:
    land(warehouse, tmp_path / "store.csv", stores_file(STORES))
    land(warehouse, tmp_path / "train.csv", text(SALES_HEADER, sales(days(FRIDAY, 28))))
    return warehouse


def offer(
    chain: duckdb.DuckDBPyConnection, folder: Path, name: str, lines: list[str], **how: object
) -> FileLanding:
    header = PLAN_HEADER if name.startswith(("plan", "test")) else SALES_HEADER
    how = {"bad_share": 0.01, **how}
    return land(chain, folder / name, text(header, lines), **how)  # type: ignore[arg-type]


WEEK = days(FRIDAY + timedelta(days=7), 7)
A_YEAR_AGO = days(date(2014, 6, 20), 7)


@pytest.mark.parametrize(
    ("what", "name", "lines", "figures"),
    [
        (
            "last year's week",
            "sales_2015-06-19.csv",
            sales(A_YEAR_AGO),
            "140 rows of 7 days from 2014-06-14 to 2014-06-20. Expected days from 2015-06-13",
        ),
        (
            "last week again",
            "sales_2015-06-19.csv",
            sales(days(FRIDAY, 7)),
            r"140 rows of 7 days from 2015-06-06 to 2015-06-12\. .*name the file after .*06-12.csv",
        ),
        (
            "a week that is not over",
            "sales_2015-06-14.csv",
            sales(WEEK),
            r"100 of 140 rows \(71.4%\) .* 100 rows of 2015-06-15, .* to 2015-06-14",
        ),
        (
            "a plan of the past",
            "plan_2015-06-12.csv",
            plan(days(FRIDAY, 7)),
            "140 rows of 7 days from 2015-06-06 to 2015-06-12. Expected days after 2015-06-12",
        ),
        (
            "last year's plan",
            "plan_2015-06-12.csv",
            plan(A_YEAR_AGO),
            r"140 of 140 rows \(100.0%\)",
        ),
        (
            "a plan of a later decade",
            "test.csv",
            plan(days(date(2051, 6, 19), 7)),
            r"140 of 140 rows .* 2051-06-19. Expected days from 1990-01-01 to 2016-07-16",
        ),
    ],
)
def test_a_file_that_is_mostly_of_other_days_is_refused_with_figures(
    chain: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    what: str,
    name: str,
    lines: list[str],
    figures: str,
) -> None:
    before = chain.execute("SELECT count(*) FROM raw.loads").fetchall()
    with pytest.raises(BadFileError, match=figures):
        offer(chain, tmp_path, name, lines)
    assert chain.execute("SELECT count(*) FROM raw.loads").fetchall() == before, what


@pytest.mark.parametrize(
    ("name", "good", "odd", "reason"),
    [
        (
            "sales_2015-06-19.csv",
            sales(WEEK),
            sales_line(7, date(2005, 6, 17)),
            "Date is more than 400 days before the file's name (before 2014-05-15)",
        ),
        (
            "sales_2015-06-19.csv",
            sales(WEEK),
            sales_line(7, date(2015, 7, 17)),
            "Date is after the day in the file's name (after 2015-06-19)",
        ),
        (
            "plan_2015-06-12.csv",
            plan(WEEK),
            plan_line(1, 7, date(2051, 6, 16)),
            "Date is more than 400 days after the newest sales (after 2016-07-16)",
        ),
        (
            "train.csv",
            sales(days(FRIDAY, 28)),
            sales_line(7, date(2005, 6, 10)),
            "Date is far from the file's other days (2015-05-16 to 2015-06-12)",
        ),
        (
            "train.csv",
            sales(days(FRIDAY, 28)),
            sales_line(7, date(2016, 6, 10)),
            "Date is far from the file's other days (2015-05-16 to 2015-06-12)",
        ),
    ],
)
def test_a_mistyped_date_is_set_aside_with_line_and_reason_and_the_rest_lands(
    chain: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    name: str,
    good: list[str],
    odd: str,
    reason: str,
) -> None:
    today = product_today(chain, settings_as_of(None))
    landing = offer(chain, tmp_path, name, [*good, odd])
    assert landing.quarantined == {reason: 1}
    assert landing.rows_landed == (0 if name == "train.csv" else len(good))
    assert any("rows quarantined" in each and "1 row of" in each for each in landing.warnings)
    assert chain.execute(
        "SELECT line_number, column_name, reason, row_text FROM raw.quarantined_rows"
    ).fetchall() == [(len(good) + 2, "Date", reason, odd)]
    moved = product_today(chain, settings_as_of(None)) - today
    assert moved == timedelta(days=7 if name.startswith("sales") else 0)


def test_the_bytes_of_last_week_under_this_weeks_name_are_refused(
    chain: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    offer(chain, tmp_path, "sales_2015-06-19.csv", sales(WEEK))
    with pytest.raises(BadFileError, match="140 rows of 7 days from 2015-06-13 to 2015-06-19"):
        offer(chain, tmp_path, "sales_2015-06-26.csv", sales(WEEK))
    # a day later most of the rows still fit; under another name they are another file
    shifted = offer(chain, tmp_path, "sales_2015-06-20.csv", sales(WEEK))
    assert (shifted.was_landed_before, shifted.rows_landed, shifted.rows_unchanged) == (
        *(False, 0, 140),
    )


def test_one_day_too_many_is_set_aside_and_named(
    chain: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    landing = offer(chain, tmp_path, "sales_2015-06-19.csv", sales([*WEEK, date(2015, 6, 20)]))
    assert (landing.rows_landed, landing.last_date) == (140, date(2015, 6, 19))
    assert "20 rows of 2015-06-20" in landing.warnings[0]


def test_a_plan_says_which_of_its_days_are_over(
    chain: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    landing = offer(chain, tmp_path, "plan_2015-06-15.csv", plan(days(date(2015, 7, 24), 42)))
    assert landing.rows_landed == 840
    assert landing.warnings == (
        "rows of days up to the day in the plan's name: "
        "60 rows of 2015-06-13, 2015-06-14, 2015-06-15",
    )


def restated(stores: Iterable[int], of_days: list[date], factor: float) -> list[str]:
    return [*sales(WEEK), *sales(of_days, stores, factor)]


@pytest.mark.parametrize(
    ("what", "lines", "restated_later"),
    [
        ("a month of one store", sales(days(FRIDAY, 28), [3], 2), 1),
        ("a day of two stores", sales([FRIDAY], [3, 4], 2), 1),
        # the row of the newer file day stays in force
        ("the same figures again", sales(days(FRIDAY, 14)), 0),
    ],
)
def test_a_correction_of_a_few_stores_lands(
    chain: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    what: str,
    lines: list[str],
    restated_later: int,
) -> None:
    landing = offer(chain, tmp_path, "sales_2015-06-19.csv", [*sales(WEEK), *lines])
    assert landing.rows_landed == 140 + landing.rows_restated, what
    alone = offer(chain, tmp_path, "sales_2015-06-12.csv", sales([FRIDAY], [5], 3))
    assert alone.rows_restated == restated_later
    assert alone.rows_passed_over == 1 - restated_later


@pytest.mark.parametrize(
    ("lines", "figures"),
    [
        (
            [*sales(WEEK), *sales(days(FRIDAY, 7), factor=0.84)],
            r"restates 140 landed rows of 20 stores and 7 days \(2015-06-06 to 2015-06-12\), "
            r"50.0% of 280 rows; .* sales were 147,000 and would be 123,480",
        ),
        (
            [*sales(WEEK), *sales(days(FRIDAY, 7), range(1, 7), 0.2)],
            "restates 42 landed rows of 6 stores and 7 days",
        ),
        (
            [*sales(days(WEEK[-1], 35)[:-8]), *sales(WEEK), *sales([FRIDAY], factor=2)],
            "on 1 of the days it changes more than 50% of the stores",
        ),
    ],
)
def test_a_file_that_restates_much_is_held_until_a_person_accepts_it(
    chain: duckdb.DuckDBPyConnection, tmp_path: Path, lines: list[str], figures: str
) -> None:
    name = "sales_2015-06-19.csv"
    command = f"rossmann data land --accept {tmp_path / name}"
    with pytest.raises(HeldError, match=figures) as held:
        offer(chain, tmp_path, name, lines)
    assert command in str(held.value)
    assert chain.execute("SELECT count(*) FROM raw.loads").fetchall() == [(2,)]
    landing = offer(chain, tmp_path, name, lines, accepted_by="planner")
    assert landing.rows_restated > 0
    assert landing.warnings[-1].startswith("accepted: it restates")
    assert chain.execute("SELECT accepted_by FROM raw.loads ORDER BY load_id").fetchall() == [
        *[(None,), (None,), ("planner",)],
    ]


def test_a_weekly_file_under_its_own_name_is_corrected_without_a_hold(
    chain: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    offer(chain, tmp_path, "sales_2015-06-19.csv", sales(WEEK))
    landing = offer(chain, tmp_path, "sales_2015-06-19.csv", sales(WEEK, factor=3))
    assert landing.rows_restated == 140
    assert landing.warnings == ()


@pytest.mark.parametrize(
    ("lines", "figures"),
    [
        (sales(days(FRIDAY, 28), factor=1.19), "restates 560 landed rows"),
        (sales(days(FRIDAY, 21)), "takes back 140 landed rows of 20 stores and 7 days"),
        (sales(days(FRIDAY, 28), range(1, 18)), "takes back 84 landed rows of 3 stores"),
    ],
)
def test_a_new_edition_of_the_history_that_changes_much_is_held(
    chain: duckdb.DuckDBPyConnection, tmp_path: Path, lines: list[str], figures: str
) -> None:
    with pytest.raises(HeldError, match=figures):
        offer(chain, tmp_path, "train.csv", lines)


def test_a_new_edition_of_the_history_with_another_week_lands(
    chain: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    landing = offer(chain, tmp_path, "train.csv", sales(days(FRIDAY + timedelta(days=7), 35)))
    assert (landing.rows_landed, landing.rows_restated) == (140, 0)


def test_sales_long_after_the_newest_are_held(
    chain: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    with pytest.raises(HeldError, match="begin on 2016-06-10, 364 days after the newest landed"):
        offer(chain, tmp_path, "sales_2016-06-16.csv", sales(days(date(2016, 6, 16), 7)))


def test_a_mistyped_year_in_the_name_is_held_also_if_a_few_stores_have_older_days(
    chain: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    rows = sales(days(FRIDAY, 2), stores=[1], factor=1.1)
    with pytest.raises(HeldError, match=r"name says 2016-06-17, 371 days after the newest landed"):
        offer(chain, tmp_path, "sales_2016-06-17.csv", rows)


def test_a_list_of_stores_without_stores_that_sell_is_said_and_held_if_they_are_a_share(
    chain: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = tmp_path / "store.csv"
    landing = land(chain, path, stores_file(range(1, 20)))
    assert landing.warnings == (
        "1 store (20) not in store.csv, but with recent sales or a plan; they stay known",
    )
    with pytest.raises(HeldError, match=r"no longer holds 3 stores \(18, 19, 20\) of 20 stores"):
        land(chain, path, stores_file(range(1, 18)))
    land(chain, path, stores_file(range(1, 18)), accepted_by="planner")
    week = offer(chain, tmp_path, "sales_2015-06-19.csv", sales(WEEK))
    assert week.rows_landed == 140


def insert(connection: duckdb.DuckDBPyConnection, table: str, day: date, store: int) -> None:
    connection.execute(
        f"INSERT INTO raw.{table} BY NAME SELECT * REPLACE (?::DATE AS date, ?::INTEGER AS store) "
        f"FROM raw.{table} LIMIT 1",
        [day, store],
    )


def test_a_few_rows_move_neither_the_business_date_nor_the_end_of_the_plan(
    chain: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    offer(chain, tmp_path, "plan_2015-06-12.csv", plan(days(date(2015, 7, 24), 42)))
    own = [plan_line(1, 7, day) for day in days(date(2015, 12, 24), 150)]
    offer(chain, tmp_path, "plan_2015-06-15.csv", own)
    for later in range(1, 60):
        insert(chain, "sales", FRIDAY + timedelta(days=later), 1 + later % 4)
    insert(chain, "sales", date(2051, 6, 12), 1)
    assert raw.newest_sales_date(chain) == FRIDAY
    assert product_today(chain, settings_as_of(None)) == date(2015, 6, 15)
    assert raw.plan_end(chain, FRIDAY, 0.9) == date(2015, 7, 24)
    for store in range(1, 11):
        insert(chain, "sales", FRIDAY + timedelta(days=1), store)
    assert raw.newest_sales_date(chain) == FRIDAY + timedelta(days=1)
