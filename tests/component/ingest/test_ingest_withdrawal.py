"""A file can be taken back: by a corrected file under its name, or by a person.

Definitions: ``docs/decisions/0016-a-file-is-a-version.md``, ``data/README.md`` and the docstrings
of ``withdraw_file`` and :mod:`rossmann_ml.ingest.editions`.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from support.ingest_warehouse import land, params_allowing, session_on, settings_as_of
from support.retailer import (
    PLAN_HEADER,
    SALES_HEADER,
    STORE_HEADER,
    STORE_LINES,
    plan_line,
    sales_line,
    text,
)

from rossmann_ml.base.errors import RefusedError
from rossmann_ml.ingest.discovery import recognise
from rossmann_ml.ingest.file_load import land_file
from rossmann_ml.ingest.status import data_status
from rossmann_ml.ingest.withdrawal import Withdrawal, withdraw_file
from rossmann_ml.warehouse.clock import product_today
from rossmann_ml.warehouse.connection import one_value
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables import raw
from rossmann_ml.warehouse.versions import data_version

FRIDAY = date(2015, 6, 12)
UNSET = settings_as_of(None)


def last_plan_date(connection: duckdb.DuckDBPyConnection) -> date | None:
    return one_value(connection, date, "SELECT max(date) FROM raw.plan")


def sales(amount: float, *days: date, stores: tuple[int, ...] = (1,)) -> str:
    rows = [sales_line(store, day, amount, Open=1) for store in stores for day in days]
    return text(SALES_HEADER, rows)


def day(number: int) -> date:
    return date(2015, 6, number)


def in_force(connection: duckdb.DuckDBPyConnection) -> dict[tuple[int, int], float]:
    rows = connection.execute(
        f"SELECT store, day(date), sales FROM ({raw.newest_rows('raw.sales')}) ORDER BY ALL"
    ).fetchall()
    return {(store, number): amount for store, number, amount in rows}


def withdraw(connection: duckdb.DuckDBPyConnection, name: str) -> Withdrawal:
    session = session_on(connection, UNSET)
    return withdraw_file(session, name, reason="a till was down", actor="ann")


def test_a_corrected_file_takes_back_the_rows_that_it_no_longer_has(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    drop = tmp_path / "sales_2015-06-12.csv"
    land(with_stores, drop, sales(9, day(10), day(11), day(12)))
    landing = land(with_stores, drop, sales(8, day(10)) + sales_line(1, day(11), 9, Open=1) + "\n")
    assert (landing.rows_restated, landing.rows_unchanged, landing.rows_taken_back) == (1, 1, 1)
    assert "1 taken back because the file no longer has them" in landing.describe()
    assert in_force(with_stores) == {(1, 10): 8, (1, 11): 9}


def test_a_corrected_plan_takes_back_a_store_and_days(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    plan = tmp_path / "plan_2015-06-12.csv"
    rows = [plan_line(1, store, day(number)) for store in (1, 2) for number in (15, 16)]
    land(with_stores, plan, text(PLAN_HEADER, rows))
    landing = land(with_stores, plan, text(PLAN_HEADER, rows[:1]))
    assert (landing.rows_taken_back, landing.rows_unchanged) == (3, 1)
    assert last_plan_date(with_stores) == day(15)


def test_a_row_that_a_corrected_file_lacks_gives_way_to_that_of_an_older_file(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    land(with_stores, tmp_path / "sales_2015-06-11.csv", sales(7, day(10), day(11)))
    drop = tmp_path / "sales_2015-06-12.csv"
    land(with_stores, drop, sales(9, day(10), day(12)))
    land(with_stores, drop, sales(9, day(12)))
    assert in_force(with_stores) == {(1, 10): 7, (1, 11): 7, (1, 12): 9}


def test_an_older_file_that_arrives_late_lands_and_does_not_win(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    land(with_stores, tmp_path / "sales_2015-06-19.csv", sales(9999, day(10), day(19)))
    late = land(with_stores, tmp_path / "sales_2015-06-12.csv", sales(4000, day(10), day(12)))
    assert (late.rows_landed, late.rows_passed_over) == (1, 1)
    assert "1 passed over because a newer file has them" in late.describe()
    assert in_force(with_stores) == {(1, 10): 9999, (1, 12): 4000, (1, 19): 9999}


def test_a_whole_history_that_ends_earlier_than_a_drop_does_not_win(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    land(with_stores, tmp_path / "sales_2015-06-12.csv", sales(9, day(10), day(12)))
    late = land(with_stores, tmp_path / "train.csv", sales(1, day(9), day(10), day(11)))
    assert (late.rows_landed, late.rows_passed_over) == (2, 1)
    assert in_force(with_stores) == {(1, 9): 1, (1, 10): 9, (1, 11): 1, (1, 12): 9}


def test_days_before_a_new_whole_file_stay_and_days_that_it_covers_are_replaced(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    history = tmp_path / "train.csv"
    land(with_stores, history, sales(1, *map(day, range(1, 9))))
    second = land(with_stores, history, sales(2, day(4), day(6), day(9)))
    assert second.rows_taken_back == 3  # 5, 7 and 8
    assert in_force(with_stores) == {
        **dict.fromkeys([(1, 1), (1, 2), (1, 3)], 1),
        **dict.fromkeys([(1, 4), (1, 6), (1, 9)], 2),
    }
    land(with_stores, history, sales(3, day(2)))
    third = {(1, 1): 1.0, (1, 2): 3.0}
    assert in_force(with_stores) == third
    withdraw(with_stores, "train.csv")
    assert in_force(with_stores) == {
        **dict.fromkeys([(1, 1), (1, 2), (1, 3)], 1),
        **dict.fromkeys([(1, 4), (1, 6), (1, 9)], 2),
    }
    withdraw(with_stores, "train.csv")
    assert in_force(with_stores) == {(1, number): 1 for number in range(1, 9)}


def test_a_withdrawn_file_leaves_what_other_files_say_and_later_ones_repeated(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    land(with_stores, tmp_path / "train.csv", sales(1, day(8), day(9)))
    before = data_version(with_stores)
    land(with_stores, tmp_path / "sales_2015-06-10.csv", sales(5, day(9), day(10)))
    land(with_stores, tmp_path / "sales_2015-06-11.csv", sales(5, day(10), day(11)))
    done = withdraw(with_stores, "sales_2015-06-10.csv")
    assert (done.rows, done.rows_back, done.editions_back) == (1, 1, ())
    assert in_force(with_stores) == {(1, 8): 1, (1, 9): 1, (1, 10): 5, (1, 11): 5}
    withdraw(with_stores, "sales_2015-06-11.csv")
    assert data_version(with_stores) == before


def test_withdrawing_a_corrected_file_brings_the_former_edition_back_and_then_none(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    land(with_stores, tmp_path / "train.csv", sales(1, day(8)))
    drop = tmp_path / "sales_2015-06-12.csv"
    land(with_stores, drop, sales(5, day(9), day(12)))
    land(with_stores, drop, sales(6, day(12)))
    done = withdraw(with_stores, drop.name)
    assert done.editions_back == (3,)
    assert "its former edition (load 3) is in force again" in done.describe()
    assert in_force(with_stores) == {(1, 8): 1, (1, 9): 5, (1, 12): 5}
    withdraw(with_stores, drop.name)
    assert in_force(with_stores) == {(1, 8): 1}
    with pytest.raises(RefusedError, match=r"withdrawn by ann: a till was down, on 2015-06-15; .*"):
        withdraw(with_stores, drop.name)


def test_a_withdrawn_file_lands_again_only_when_it_is_accepted(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    land(with_stores, tmp_path / "train.csv", sales(1, day(8)))
    drop = tmp_path / "sales_2015-06-12.csv"
    land(with_stores, drop, sales(5, day(12)))
    withdraw(with_stores, drop.name)
    again = land(with_stores, drop)
    assert (again.load_id, again.was_landed_before) == (None, False)
    assert again.describe().endswith(f"to land it again: rossmann data land --accept {drop.name}")
    (listed,) = data_status(session_on(with_stores, UNSET)).withdrawn
    assert (listed.file_name, listed.because) == (drop.name, "withdrawn by ann: a till was down")

    raw_file = recognise(drop)
    assert raw_file is not None
    session = Session(UNSET, params_allowing(1.0))
    assert land_file(session, with_stores, raw_file, accepted_by="a person").load_id == 4
    assert land(with_stores, drop).was_landed_before
    # a corrected file under the name needs no acceptance
    withdraw(with_stores, drop.name)
    assert land(with_stores, drop, sales(6, day(12))).load_id == 5


def test_todays_date_holidays_and_later_loads_go_back_with_a_withdrawn_file(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    land(with_stores, tmp_path / "train.csv", sales(1, FRIDAY))
    ahead = tmp_path / "sales_2019-06-12.csv"
    land(with_stores, ahead, sales(1, date(2019, 6, 12)), accepted_by="ann")
    assert product_today(with_stores, UNSET) > date(2019, 6, 12)
    later = tmp_path / "sales_2015-06-13.csv"
    land(with_stores, later, sales(1, day(13)))
    land(with_stores, later, sales(2, day(13)))
    withdraw(with_stores, ahead.name)
    assert product_today(with_stores, UNSET) == day(15)
    newest_known = "SELECT max(known_on) FROM raw.sales"
    assert with_stores.execute(newest_known).fetchall() == [(day(15),)]
    assert with_stores.execute("SELECT max(year(date)) FROM raw.public_holidays").fetchall() == [
        (2016,)
    ]
    # the former edition, which comes back, is not known later either
    withdraw(with_stores, later.name)
    assert in_force(with_stores) == {(1, 12): 1, (1, 13): 1}
    assert with_stores.execute(newest_known).fetchall() == [(day(15),)]


def test_quarantined_rows_of_a_withdrawn_or_replaced_file_are_no_longer_listed(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    drop, other = tmp_path / "sales_2015-06-12.csv", tmp_path / "sales_2015-06-13.csv"
    for path in (drop, other):
        land(with_stores, path, sales(5, FRIDAY, stores=(1, 77)))

    def listed() -> int:
        kinds = data_status(session_on(with_stores, UNSET)).landed
        return sum(sum(kind.quarantined.values()) for kind in kinds)

    assert listed() == 2
    land(with_stores, drop, sales(5, FRIDAY))
    assert listed() == 1
    withdraw(with_stores, other.name)
    assert listed() == 0


def test_a_withdrawn_list_of_stores_gives_way_to_the_one_before(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    stores = text(STORE_HEADER, STORE_LINES)
    land(with_stores, tmp_path / "train.csv", sales(1, FRIDAY))
    land(with_stores, tmp_path / "store.csv", stores.replace("1270", "99") + "4,a,a,,,,0,,,\n")
    before = raw.newest_rows("raw.stores")
    land(with_stores, tmp_path / "sales_2015-06-19.csv", sales(1, day(19), stores=(4,)))
    with pytest.raises(RefusedError, match="1 stores with sales would be in no list of stores"):
        withdraw(with_stores, "store.csv")
    withdraw(with_stores, "sales_2015-06-19.csv")
    withdraw(with_stores, "store.csv")
    found = with_stores.execute(f"SELECT store, competition_distance FROM ({before})").fetchall()
    assert sorted(found)[:1] == [(1, 1270.0)]
    assert len(found) == 3


def test_withdrawals_that_leave_nothing_or_name_no_file_are_refused_and_change_nothing(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    land(with_stores, tmp_path / "train.csv", sales(1, FRIDAY))
    for name, words in (
        ("store.csv", "because no list of stores would be left"),
        ("train.csv", "because no sales would be left"),
        ("trainn.csv", "no file 'trainn.csv' was landed.* such as train.csv"),
    ):
        with pytest.raises(RefusedError, match=words):
            withdraw(with_stores, name)
    assert with_stores.execute(
        "SELECT count(*) FROM raw.loads WHERE withdrawn_on IS NOT NULL"
    ).fetchall() == [(0,)]


def test_a_plan_that_a_later_file_repeated_survives_its_withdrawal(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    land(with_stores, tmp_path / "train.csv", sales(1, FRIDAY))
    rows = text(PLAN_HEADER, [plan_line(1, 1, FRIDAY + timedelta(days=7))])
    land(with_stores, tmp_path / "plan_2015-06-05.csv", rows)
    land(with_stores, tmp_path / "plan_2015-06-12.csv", rows)
    withdraw(with_stores, "plan_2015-06-05.csv")
    assert last_plan_date(with_stores) == FRIDAY + timedelta(days=7)


def test_of_a_whole_file_the_two_newest_replaced_editions_can_come_back_and_no_older_one(
    with_stores: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    history = tmp_path / "train.csv"
    land(with_stores, history, sales(1, day(1), day(8)))  # day 1 stays in force
    for amount in (2, 3, 4, 5):
        land(with_stores, history, sales(amount, day(8), day(9)))
    ((stored,),) = with_stores.execute("SELECT count(*) FROM raw.former_sales").fetchall()
    assert stored == 4
    for amount in (4, 3):
        withdraw(with_stores, history.name)
        assert in_force(with_stores) == {(1, 1): 1, (1, 8): amount, (1, 9): amount}
    before = with_stores.execute("FROM raw.loads ORDER BY load_id").fetchall()
    with pytest.raises(RefusedError, match=r"cannot be withdrawn, .*load 3\) are no long"):
        withdraw(with_stores, history.name)
    assert with_stores.execute("FROM raw.loads ORDER BY load_id").fetchall() == before
    assert land(with_stores, history, sales(2, day(8), day(9))).rows_restated == 2
