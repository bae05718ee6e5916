"""Rules about sales, plan, checks and the weekly job: at their limits, and one beyond.

Definitions: the table of docs/alerts.md and the docstrings of alert_params.py. A rule returns None
without data, and an empty list if nothing is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import duckdb
import pytest
from support.monitoring_rows import ORIGIN, STAMP, TODAY, insert, memory_warehouse, situation

from rossmann_ml.monitoring.alerts.findings import some
from rossmann_ml.monitoring.alerts.plan_rules import stores_outside_the_plan
from rossmann_ml.monitoring.alerts.rules import RULES, judge

TABLES = memory_warehouse()
CHECKS = "quality.data_quality_results"
RUNS = "forecasting.forecast_runs"


@pytest.fixture
def tables() -> Iterator[duckdb.DuckDBPyConnection]:
    TABLES.execute("BEGIN")
    yield TABLES
    TABLES.execute("ROLLBACK")


def found(tables: duckdb.DuckDBPyConnection, rule: str, today: date = TODAY):
    """Return subject, value and threshold of a rule's findings."""
    findings = RULES[rule](situation(tables, today=today))
    return findings and [(each.subject, each.value, each.threshold) for each in findings]


def message(tables: duckdb.DuckDBPyConnection, rule: str, today: date = TODAY) -> str:
    (finding,) = RULES[rule](situation(tables, today=today))
    assert finding.rule == rule
    return finding.message


def test_on_empty_tables_every_rule_returns_none(tables: duckdb.DuckDBPyConnection):
    assert judge(situation(tables)) == dict.fromkeys(
        [
            "input_data",
            *("accuracy", "coverage", "drift", "stale_data", "failed_checks", "refresh_late"),
            *("stores_not_forecast", "champion_old"),
        ]
    )


# sales and plan


@pytest.mark.parametrize(("age", "is_stale"), [(8, False), (9, False), (10, True)])
def test_sales_of_nine_days_ago_are_the_oldest_that_are_fresh(
    tables: duckdb.DuckDBPyConnection, age: int, is_stale: bool
):
    insert(tables, "raw.sales", date=ORIGIN - timedelta(days=100))
    insert(tables, "raw.sales", date=ORIGIN)
    today = ORIGIN + timedelta(days=age)
    insert(tables, "raw.plan", date=today + timedelta(days=33))
    assert found(tables, "stale_data", today) == ([("sales", age, 9)] if is_stale else [])
    if is_stale:
        assert message(tables, "stale_data", today) == (
            "the newest sales are of 2015-07-31, 10 days before 2015-08-10; expected at most 9"
        )


@pytest.mark.parametrize(("ahead", "is_short"), [(34, False), (33, False), (32, True), (-5, True)])
def test_a_plan_that_reaches_33_days_ahead_is_the_shortest_accepted(
    tables: duckdb.DuckDBPyConnection, ahead: int, is_short: bool
):
    insert(tables, "raw.sales")
    insert(tables, "raw.plan", date=TODAY + timedelta(days=ahead))
    insert(tables, "raw.plan", date=TODAY - timedelta(days=50))
    assert found(tables, "stale_data") == ([("plan", ahead, 33)] if is_short else [])
    if ahead == 32:
        assert message(tables, "stale_data") == (
            "the plan ends on 2015-09-04, 32 days after 2015-08-03; expected at least 33 days. "
            "It ends on the last day that 90% of the stores have a plan of"
        )


@pytest.mark.parametrize(("planned", "ahead"), [(1, 20), (8, 20), (9, 40)])
def test_the_plan_ends_on_the_last_day_of_nine_tenths_of_the_stores(
    tables: duckdb.DuckDBPyConnection, planned: int, ahead: int
):
    """Plans of a few stores that reach further, such as one of a clearance sale, change nothing."""
    for store in range(1, 11):
        insert(tables, "raw.sales", store=store)
        insert(tables, "raw.plan", store=store, date=TODAY + timedelta(days=20))
    for store in range(1, planned + 1):
        insert(tables, "raw.plan", store=store, date=TODAY + timedelta(days=40))
    assert found(tables, "stale_data") == ([("plan", ahead, 33)] if ahead < 33 else [])


def test_a_plan_of_too_few_stores_is_no_plan(tables: duckdb.DuckDBPyConnection):
    for store in (1, 2):
        insert(tables, "raw.sales", store=store)
    insert(tables, "raw.plan", date=TODAY + timedelta(days=40))
    assert found(tables, "stale_data") == [("plan", 0, 33)]
    assert message(tables, "stale_data") == (
        "no day has a plan of 90% of the stores that sold in the last 28 days"
    )


def test_no_plan_at_all_is_no_day_ahead(tables: duckdb.DuckDBPyConnection):
    insert(tables, "raw.sales")
    assert found(tables, "stale_data") == [("plan", 0, 33)]
    assert message(tables, "stale_data") == "no plan was ever landed"


@pytest.mark.parametrize(("assumed", "is_found"), [(0, False), (4, False), (5, True)])
def test_a_sixteenth_of_the_days_may_have_a_plan_filled_by_rule(
    tables: duckdb.DuckDBPyConnection, assumed: int, is_found: bool
):
    insert(tables, "raw.sales")
    insert(tables, "raw.plan")
    insert(tables, RUNS, assumed_store_days=assumed)  # of 64
    expected = [("assumed plan", assumed / 64, 0.0625)] if is_found else []
    assert found(tables, "stale_data") == expected
    if is_found:
        assert message(tables, "stale_data") == (
            "5 of 64 store-days forecast from 2015-07-31 (7.8%) have a plan filled by rule; "
            "expected at most 6.2%"
        )


def test_the_assumed_plan_is_the_newest_weekly_runs(tables: duckdb.DuckDBPyConnection):
    insert(tables, "raw.sales")
    insert(tables, "raw.plan")
    later = STAMP + timedelta(hours=1)
    insert(tables, RUNS, run_id="b", assumed_store_days=32, started_at=STAMP)
    insert(tables, RUNS, run_id="c", assumed_store_days=16, started_at=later)
    older = {"forecast_origin": ORIGIN - timedelta(days=7), "assumed_store_days": 64}
    insert(tables, RUNS, run_id="a", started_at=later + timedelta(hours=1), **older)
    newer = {"forecast_origin": ORIGIN + timedelta(days=7), "assumed_store_days": 64}
    insert(tables, RUNS, run_id="d", run_kind="backfill", **newer)
    insert(tables, RUNS, run_id="e", **{**newer, "store_days": 0})
    assert found(tables, "stale_data") == [("assumed plan", 0.25, 0.0625)]


def test_all_three_parts_of_stale_data_can_be_found_at_once(tables: duckdb.DuckDBPyConnection):
    insert(tables, "raw.sales")
    insert(tables, RUNS, assumed_store_days=64)
    subjects = [each[0] for each in found(tables, "stale_data", TODAY + timedelta(days=30))]
    assert subjects == ["sales", "plan", "assumed plan"]


# checks


def test_failed_checks_are_counted_by_suite_with_nothing_as_the_limit(
    tables: duckdb.DuckDBPyConnection,
):
    for suite, check, is_success in (
        *(("plan", "a", True), ("plan", "b", True)),
        *(("raw_sales", "a", False), ("raw_sales", "b", True), ("raw_sales", "c", False)),
        ("dbt", "a", False),
    ):
        insert(tables, CHECKS, suite=suite, check_name=check, is_success=is_success)
    assert found(tables, "failed_checks") == [("dbt", 1, 0), ("raw_sales", 2, 0)]
    both = RULES["failed_checks"](situation(tables))
    assert [each.severity for each in both] == [None, None]
    assert both[1].message == (
        "2 of 3 checks of raw_sales failed: raw.sales.sales a: found 3 rows, expected none; "
        "raw.sales.sales c: found 3 rows, expected none"
    )


def test_passed_checks_give_no_finding(tables: duckdb.DuckDBPyConnection):
    insert(tables, CHECKS)
    assert found(tables, "failed_checks") == []


@pytest.mark.parametrize(
    ("of_failed", "of_passed", "severity"),
    [("error", "warning", "critical"), ("warning", "error", None)],
)
def test_it_is_critical_when_a_check_that_failed_is_of_severity_error(
    tables: duckdb.DuckDBPyConnection, of_failed: str, of_passed: str, severity: str | None
):
    insert(tables, CHECKS, check_name="x", severity="warning", is_success=False)
    insert(tables, CHECKS, check_name="y", severity=of_failed, is_success=False)
    insert(tables, CHECKS, check_name="z", severity=of_passed, is_success=True)
    (finding,) = RULES["failed_checks"](situation(tables))
    assert finding.severity == severity


def test_of_each_suite_the_newest_run_counts(tables: duckdb.DuckDBPyConnection):
    later = STAMP + timedelta(days=1)
    insert(tables, CHECKS, suite="plan", run_id="old", is_success=False, severity="error")
    insert(tables, CHECKS, suite="plan", run_id="new", checked_at=later)
    insert(tables, CHECKS, suite="dbt", run_id="old", is_success=False, column_name=None)
    assert found(tables, "failed_checks") == [("dbt", 1, 0)]
    assert "raw.sales not_null: found" in message(tables, "failed_checks")


def test_what_the_newest_sales_lack_is_named_and_is_no_failed_check(
    tables: duckdb.DuckDBPyConnection,
):
    newest = {"suite": "newest_sales", "severity": "warning"}
    insert(tables, CHECKS, **newest, check_name="a", column_name="partial_day")
    insert(
        tables, CHECKS, **newest, check_name="b", column_name="open_without_sales",
        is_success=False, observed="sales_2015-07-31.csv: 42 open days with sales 0; stores 1, 2",
    )  # fmt: skip
    assert found(tables, "input_data") == [("open without sales", None, None)]
    assert message(tables, "input_data").startswith(
        "sales_2015-07-31.csv: 42 open days with sales 0; stores 1, 2. An open store without sales"
    )
    assert found(tables, "failed_checks") is None


@pytest.mark.parametrize(("is_sound", "severity"), [(True, None), (False, "info")])
def test_drift_ranks_below_an_input_that_explains_it(
    tables: duckdb.DuckDBPyConnection, is_sound: bool, severity: str | None
):
    insert(
        tables, CHECKS, suite="newest_sales", column_name="partial_day", is_success=is_sound,
        observed="Saturday 2015-07-25: 60 stores sold 33% of their usual sales",
    )  # fmt: skip
    insert(tables, "monitoring.drift_metrics", is_drifted=True)
    (drift,) = judge(situation(tables))["drift"]
    assert drift.severity == severity
    assert ("alert input_data: partial day" in drift.message) == (not is_sound)


# the weekly job and its model


@pytest.mark.parametrize(("age", "is_late"), [(9, False), (10, False), (11, True)])
def test_forecasts_of_ten_days_ago_are_the_oldest_that_are_not_late(
    tables: duckdb.DuckDBPyConnection, age: int, is_late: bool
):
    insert(tables, "forecasting.forecasts", forecast_origin=ORIGIN - timedelta(days=7))
    insert(tables, "forecasting.forecasts", forecast_origin=ORIGIN)
    today = ORIGIN + timedelta(days=age)
    assert found(tables, "refresh_late", today) == ([("forecasts", age, 10)] if is_late else [])
    if is_late:
        assert message(tables, "refresh_late", today) == (
            "the newest forecasts are from 2015-07-31, 11 days before 2015-08-11; expected at "
            "most 10: the weekly job did not run, or found no newer sales"
        )


@pytest.mark.parametrize(("age", "is_old"), [(83, False), (84, False), (85, True)])
def test_a_champion_of_84_days_is_the_oldest_that_is_not_old(
    tables: duckdb.DuckDBPyConnection, age: int, is_old: bool
):
    insert(tables, "forecasting.promotions")
    insert(tables, "forecasting.model_versions", trained_through=TODAY - timedelta(days=age))
    newest = {"model_version": "challenger", "trained_through": TODAY}
    insert(tables, "forecasting.model_versions", **newest)
    assert found(tables, "champion_old") == ([("champion", age, 84)] if is_old else [])
    if is_old:
        assert message(tables, "champion_old") == (
            "champion was trained on sales up to 2015-05-10, 85 days before 2015-08-03; expected "
            "at most 84"
        )


def test_without_a_champion_none_is_old(tables: duckdb.DuckDBPyConnection):
    insert(tables, "forecasting.model_versions", trained_through=date(2014, 1, 1))
    assert found(tables, "champion_old") is None


@pytest.mark.parametrize(("missing", "is_found"), [(0, False), (1, False), (2, True)])
def test_an_eighth_of_the_stores_may_go_without_a_forecast(
    tables: duckdb.DuckDBPyConnection, missing: int, is_found: bool
):
    insert(tables, RUNS, stores=7)
    for store in range(missing):
        insert(tables, "forecasting.stores_not_forecast", store_id=90 + store)
    assert found(tables, "stores_not_forecast") == ([("stores", 2 / 9, 0.125)] if is_found else [])
    if is_found:
        assert message(tables, "stores_not_forecast") == (
            "2 of 9 stores (22.2%) have no forecast from 2015-07-31; expected at most 12.5%: "
            "90 (no plan), 91 (no plan)"
        )


def test_the_only_store_without_a_forecast_is_all_of_them(tables: duckdb.DuckDBPyConnection):
    insert(tables, RUNS, stores=0)
    assert found(tables, "stores_not_forecast") == []
    insert(tables, "forecasting.stores_not_forecast")
    assert found(tables, "stores_not_forecast") == [("stores", 1.0, 0.125)]


@pytest.mark.parametrize(
    ("last_sold", "sales", "is_missed"),
    [
        (date(2014, 7, 31), 1.0, True),  # first day that counts: 365 days before the origin
        (date(2014, 7, 30), 1.0, False),
        (date(2015, 7, 30), 0.0, True),  # rows of a closed store: it never sold
    ],
)
def test_a_store_that_sold_nothing_for_a_year_is_closed_for_good(
    tables: duckdb.DuckDBPyConnection, last_sold: date, sales: float, is_missed: bool
):
    insert(tables, RUNS, stores=1)
    insert(tables, "forecasting.stores_not_forecast", store_id=7)
    insert(tables, "raw.sales", store=7, date=last_sold, sales=sales)
    insert(tables, "raw.sales", store=7, date=date(2013, 1, 1), sales=sales)
    insert(tables, "raw.sales", store=7, date=ORIGIN, sales=0.0)
    assert bool(found(tables, "stores_not_forecast")) == is_missed


def test_stores_not_forecast_are_the_newest_weekly_runs(tables: duckdb.DuckDBPyConnection):
    older, newer = ORIGIN - timedelta(days=7), ORIGIN + timedelta(days=7)
    insert(tables, RUNS, run_id="a", stores=1, started_at=STAMP)
    insert(tables, RUNS, run_id="b", stores=3, started_at=STAMP + timedelta(hours=1))
    late = datetime(2015, 8, 9)
    insert(tables, RUNS, run_id="c", stores=5, forecast_origin=older, started_at=late)
    insert(tables, RUNS, run_id="d", stores=5, forecast_origin=newer, run_kind="backfill")
    for origin, store in ((older, 1), (older, 2), (ORIGIN, 1), (newer, 1), (newer, 2)):
        row = {"forecast_origin": origin, "store_id": store}
        insert(tables, "forecasting.stores_not_forecast", **row)
    assert found(tables, "stores_not_forecast") == [("stores", 0.25, 0.125)]


# format of lists in messages


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ("", ""),
        ("a", "a"),
        ("abcde", "a, b, c, d, e"),
        ("abcdef", "a, b, c, d, e, and 1 more"),
        ("abcdefghijkl", "a, b, c, d, e, and 7 more"),
    ],
)
def test_a_list_names_five_and_counts_the_others(items: str, text: str):
    assert some(items) == text
    assert some(list(items), "; ") == text.replace(", ", "; ")


def selling_days(tables: duckdb.DuckDBPyConnection, *rows: tuple[int, int, bool, bool]) -> None:
    """Create the plan's models with rows: store, day after the origin, sells then, is left out."""
    tables.execute(
        """
        CREATE SCHEMA IF NOT EXISTS core;
        CREATE OR REPLACE TABLE core.forecast_origin AS
            SELECT DATE '2015-06-19' AS forecast_origin, DATE '2015-07-31' AS last_forecast_date;
        CREATE OR REPLACE TABLE core.selling_days (
            store_id INTEGER, plan_date DATE, is_selling BOOLEAN, is_forecast BOOLEAN,
            last_sold_on DATE, is_left_out BOOLEAN
        )
        """
    )
    for store, days, is_selling, is_left_out in rows:
        tables.execute(
            "INSERT INTO core.selling_days VALUES "
            "(?, DATE '2015-06-19' + ?, ?, TRUE, DATE '2015-06-19', ?)",
            [store, days, is_selling, is_left_out],
        )


def test_selling_stores_that_the_plan_leaves_out_or_closes_are_named(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    selling_days(
        tables,
        *((1, 1, True, False), (1, 43, False, False)),  # ends after the forecast days
        *((2, 1, True, False), (2, 12, False, False), (2, 13, False, False)),
        *((3, 1, True, True), (4, 1, True, True)),
    )
    try:
        without, closing = stores_outside_the_plan(situation(tables))
    finally:
        tables.execute("DROP TABLE core.selling_days; DROP TABLE core.forecast_origin")
    assert (without.subject, without.value) == ("stores without a plan", 2)
    assert "by rule: 3, 4. Send their plan" in without.message
    assert (closing.subject, closing.value, closing.severity) == ("closing stores", 1, "info")
    assert "2 (from 2015-07-01)" in closing.message
