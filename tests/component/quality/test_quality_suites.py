"""Every expectation passes on valid tables, and what is missing or unreadable is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.checked_suites import check_frame, failed_checks, rows_of
from support.quality_faults import FAULTS
from support.quality_tables import ORIGIN

from rossmann_ml.base.errors import NoDataError, RefusedError, SettingsError
from rossmann_ml.quality import SUITES, load_suite, suite_files
from rossmann_ml.quality.suite_files import SUITES_DIR


@pytest.mark.parametrize("suite", SUITES)
def test_every_expectation_passes_on_valid_tables(tables, suite):
    result = check_frame(suite, rows_of(tables, suite))

    assert [str(check) for check in result.checks if not check.is_success] == []
    assert result.is_success


@pytest.mark.parametrize("suite", SUITES)
def test_every_planted_fault_belongs_to_an_expectation(suite):
    assert set(FAULTS[suite]) == {
        expectation.name for expectation in load_suite(suite).expectations
    }


def test_a_failed_check_names_the_values_found_and_expected(tables):
    tables.execute("UPDATE raw.sales SET sales = -7 WHERE store = 5 AND date = '2015-03-03'")

    result = check_frame("raw_sales", rows_of(tables, "raw_sales"))

    (check,) = result.failed_errors
    assert (check.table_name, check.column_name) == ("raw.sales", "sales")
    assert check.observed == "1 of 6,420 rows unexpected, such as -7"
    assert check.expected == "0 to 200,000"
    assert (check.rows_checked, check.rows_unexpected) == (6420, 1)
    assert "20 of 21 checks passed, 1 error, 0 warnings" in result.summary()
    assert "found 1 of 6,420 rows unexpected, such as -7, expected 0 to 200,000" in result.summary()


def test_only_the_newest_version_of_a_restated_day_is_checked(tables):
    tables.execute("UPDATE raw.sales SET sales = -1 WHERE date = '2015-06-01' AND load_id = 1")
    tables.execute("UPDATE raw.sales SET sales = 1 WHERE date = '2015-06-01' AND store <> 2")

    assert failed_checks(tables, "raw_sales") == set()


def test_a_chain_in_its_first_week_has_a_level_ratio_of_1(tables):
    tables.execute("DELETE FROM raw.sales WHERE date < '2015-06-16'")

    frame = rows_of(tables, "raw_sales")

    assert set(frame["sales_level_ratio"]) == {1.0}
    assert set(frame["newest_day_store_share"]) == {1.0}


def test_a_promotion_week_is_not_taken_for_a_change_of_level(tables):
    # promotions run in even weeks, and the newest week is the 25th
    tables.execute(
        "UPDATE raw.sales SET promo = 1, sales = sales + 1500"
        " WHERE open = 1 AND date > '2015-06-12'"
    )

    (ratio,) = set(rows_of(tables, "raw_sales")["sales_level_ratio"])

    assert ratio == pytest.approx(1, abs=0.05)


def test_the_newest_origin_is_checked(tables):
    tables.execute(
        "UPDATE core.horizon_plan SET is_promo = false WHERE forecast_origin < ?", [ORIGIN]
    )

    assert failed_checks(tables, "plan") == set()


def test_a_column_that_a_frame_lacks_fails_its_checks_and_says_so(tables):
    frame = rows_of(tables, "plan").drop(columns="is_promo")

    result = check_frame("plan", frame)

    (check,) = result.failed_errors
    assert check.column_name == "is_promo"
    assert 'The column "is_promo" in BatchData does not exist' in check.observed


@pytest.mark.parametrize("suite", SUITES)
def test_a_missing_table_is_no_data_and_is_named(tables, suite):
    tables.execute(f"DROP TABLE {load_suite(suite).table}")

    with pytest.raises(NoDataError, match=load_suite(suite).table):
        rows_of(tables, suite)


def test_a_table_without_rows_is_no_data(tables):
    tables.execute("DELETE FROM forecasting.forecasts")

    with pytest.raises(NoDataError, match=r"forecasting\.forecasts has no rows"):
        rows_of(tables, "forecasts")


def test_a_table_that_lost_a_column_is_refused_by_name(tables):
    tables.execute("ALTER TABLE features.scoring_panel DROP base_log_sales")

    with pytest.raises(RefusedError, match="base_log_sales"):
        rows_of(tables, "features")


def test_an_unknown_suite_is_refused_and_the_known_ones_are_named():
    with pytest.raises(SettingsError, match=r"'sales'; there are raw_sales, raw_stores"):
        load_suite("sales")


@pytest.fixture
def plan_file(tmp_path, monkeypatch) -> Iterator[Path]:
    """Return the path of a plan suite that the test may write."""
    monkeypatch.setattr(suite_files, "SUITES_DIR", tmp_path)
    load_suite.cache_clear()
    yield tmp_path / "plan.json"
    load_suite.cache_clear()


def test_a_suite_file_with_an_unknown_severity_is_refused_with_its_place(plan_file):
    text = (SUITES_DIR / "plan.json").read_text(encoding="utf-8")
    plan_file.write_text(text.replace('"severity": "error"', '"severity": "fatal"', 1))

    with pytest.raises(SettingsError, match=r"expectations\.0\.severity = 'fatal'"):
        load_suite("plan")


def test_two_expectations_with_the_same_name_are_refused(plan_file):
    doubled = json.loads((SUITES_DIR / "plan.json").read_text(encoding="utf-8"))
    doubled["expectations"].append(doubled["expectations"][0])
    plan_file.write_text(json.dumps(doubled))

    with pytest.raises(SettingsError, match="could not be told apart"):
        load_suite("plan")


def test_names_of_expectations_are_valid_names_of_dagster_checks():
    names = [each.name for suite in SUITES for each in load_suite(suite).expectations]
    assert [name for name in names if not name.isidentifier()] == []


def test_stores_that_do_not_sell_yet_are_no_lost_flag(tables):
    tables.execute(
        "UPDATE core.horizon_plan SET is_open = FALSE, plan_source = 'not_selling' "
        "WHERE store_id <= 8"
    )

    assert failed_checks(tables, "plan") == set()


def test_a_lockdown_of_a_month_is_no_lost_flag(tables):
    tables.execute("UPDATE core.horizon_plan SET is_open = FALSE WHERE horizon_days <= 30")

    assert failed_checks(tables, "plan") == set()


@pytest.mark.parametrize(
    ("chain", "surprise", "check"),
    [
        (
            "is_open = true",
            "is_open = isodow(plan_date) = 7 OR is_open",
            "open_sunday_change_max_to_be_between_warning",
        ),
        ("is_promo = false", "is_promo = true", "promo_change_max_to_be_between_warning"),
    ],
    ids=["open every day", "no promotions"],
)
def test_a_plan_like_the_chains_own_past_is_not_warned_about_but_a_new_pattern_is(
    tables, chain, surprise, check
):
    tables.execute(f"UPDATE core.horizon_plan SET {surprise}")
    assert failed_checks(tables, "plan") == {check}

    tables.execute(f"UPDATE core.horizon_plan SET {chain}")
    tables.execute(f"UPDATE core.fct_daily_sales SET {chain}")
    assert failed_checks(tables, "plan") == set()


@pytest.mark.parametrize("fault", ["NOT is_open", "FALSE"])
def test_a_plan_that_is_inverted_or_closed_on_all_days_is_found(tables, fault):
    tables.execute(f"UPDATE core.horizon_plan SET is_open = {fault}")

    assert "open_weekday_share_max_to_be_between" in failed_checks(tables, "plan")
