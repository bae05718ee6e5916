"""Each alert rule, with and without the fault that it must find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta

import duckdb
import pytest
from support.small_warehouse import MODEL, STORES, change

from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.monitoring.alerts.findings import AlertFinding, Situation
from rossmann_ml.monitoring.alerts.rules import RULES, judge
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.schema import create_tables

MONDAY = date(2015, 8, 3)
NOT_FORECAST = {"stores_not_forecast"}  # the small warehouse has no forecast of one of seven stores
ALSO_FOUND = {"failed_checks", "drift"}  # and a check that warns, and drifted promotions

Judging = Callable[..., dict[str, list[AlertFinding] | None]]


@pytest.fixture
def judging(small_warehouse: Settings, project_params: Params) -> Judging:
    """Run SQL statements, then evaluate the rules as of a day."""

    def judged(*statements: str, today: date = MONDAY, run_id: str = "weekly-2"):
        for statement in statements:
            change(small_warehouse, statement, marts_follow=False)
        with warehouse.connect(small_warehouse) as connection:
            rules = project_params.monitoring.alerts
            return judge(Situation(connection, rules, today, run_id))

    return judged


@pytest.fixture
def empty(tmp_path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        create_tables(connection)
        yield connection


def drift_rows(*rows: str) -> str:
    return (
        "CREATE OR REPLACE TABLE monitoring.drift_metrics (run_id VARCHAR, forecast_origin DATE, "
        "kind VARCHAR, feature VARCHAR, method VARCHAR, value DOUBLE, threshold DOUBLE, "
        "is_drifted BOOLEAN, detail VARCHAR);"
        + "".join(
            f"INSERT INTO monitoring.drift_metrics VALUES ({row}, 'DE promotion');" for row in rows
        )
    )


def test_an_ordinary_week_has_only_the_findings_of_the_small_warehouse(
    judging: Judging,
):
    # its forecasts are unrealistically good: every day is inside the intervals
    found = judging("UPDATE marts.forecast_accuracy SET coverage_80 = 0.8, coverage_95 = 0.95")
    assert {rule for rule, findings in found.items() if findings} == NOT_FORECAST | ALSO_FOUND
    assert {rule for rule, findings in found.items() if findings is None} == {"input_data"}


def test_on_an_empty_warehouse_every_rule_returns_none(
    empty: duckdb.DuckDBPyConnection, project_params: Params
):
    found = judge(Situation(empty, project_params.monitoring.alerts, MONDAY, "r"))
    assert found == dict.fromkeys(RULES)


def test_forecasts_worse_than_in_the_backtest_are_found_with_both_figures(judging: Judging):
    found = judging("UPDATE marts.forecast_accuracy SET mape = 0.17, rmspe = 0.2")
    (finding,) = found["accuracy"] or []
    assert finding.subject == "all stores"
    assert finding.value == pytest.approx(0.17 / 0.092)
    assert "MAPE 17.0%" in finding.message
    assert "1.85 times the backtest's 9.2%, expected at most 1.75 times" in finding.message


def test_a_single_wrong_store_day_that_only_affects_rmspe_is_no_alarm(judging: Judging):
    assert judging("UPDATE marts.forecast_accuracy SET rmspe = 5")["accuracy"] == []


def test_a_state_that_is_far_worse_is_found_although_the_chain_passes(judging: Judging):
    found = judging(
        "INSERT INTO forecasting.backtest_scores BY NAME SELECT * REPLACE ('state' AS "
        "segment_kind, 'BY' AS segment) FROM forecasting.backtest_scores "
        "WHERE segment_kind = 'overall'",
        "INSERT INTO marts.forecast_accuracy BY NAME SELECT * REPLACE ('state' AS segment_kind, "
        "'BY' AS segment, 0.4 AS mape) FROM marts.forecast_accuracy "
        "WHERE segment_kind = 'overall'",
    )
    (finding,) = found["accuracy"] or []
    assert finding.subject == "state BY"


def test_a_challenger_in_shadow_raises_no_alarm_however_wrong_it_is(judging: Judging):
    found = judging(
        "UPDATE marts.forecast_accuracy SET coverage_80 = 0.8, coverage_95 = 0.95",
        "INSERT INTO marts.forecast_accuracy BY NAME SELECT * REPLACE ('shadow' AS forecast_kind, "
        "'other' AS model_version, 9.0 AS mape, 0.0 AS coverage_80) FROM marts.forecast_accuracy "
        "WHERE segment_kind = 'overall' AND forecast_kind = 'served'",
    )
    assert found["accuracy"] == []
    assert found["coverage"] == []


def test_the_rule_does_not_apply_to_few_days(judging: Judging):
    found = judging("UPDATE marts.forecast_accuracy SET mape = 0.9, coverage_80 = 0, days = 6")
    assert found["accuracy"] is None
    assert found["coverage"] is None


def test_old_vintages_do_not_count(judging: Judging):
    found = judging(
        "UPDATE marts.forecast_accuracy SET mape = 9, forecast_origin = forecast_origin - 60 "
        "WHERE forecast_origin = DATE '2015-06-19'"
    )
    # and the newer one has too few days
    assert found["accuracy"] is None


@pytest.mark.parametrize(
    ("column", "value", "subject", "limit"),
    [
        ("coverage_80", 0.5, "80% interval", 0.62),
        ("coverage_80", 0.97, "80% interval", 0.95),
        ("coverage_95", 0.7, "95% interval", 0.8),
    ],
)
def test_coverage_out_of_range_is_found_on_either_side(
    judging: Judging, column: str, value: float, subject: str, limit: float
):
    good = "UPDATE marts.forecast_accuracy SET coverage_80 = 0.8, coverage_95 = 0.95"
    (finding,) = judging(good, f"UPDATE marts.forecast_accuracy SET {column} = {value}")[
        "coverage"
    ] or [None]
    assert finding is not None
    assert (finding.subject, finding.value, finding.threshold) == (
        subject,
        pytest.approx(value),
        limit,
    )
    assert f"{value:.1%} of" in finding.message


def test_drift_is_one_finding_per_kind_and_names_the_largest_drift(judging: Judging):
    found = judging(
        drift_rows(
            "'weekly-2', '2015-07-31', 'features', 'promo', 'psi', 0.3, 0.1, true",
            "'weekly-2', '2015-07-31', 'features', 'sales', 'psi', 0.9, 0.1, true",
            "'weekly-2', '2015-07-31', 'features', 'weekday', 'psi', 0.0, 0.1, false",
            "'weekly-2', '2015-07-31', 'forecasts', 'all', 'psi', 0.0, 0.1, false",
        )
    )
    (finding,) = found["drift"] or []
    assert finding.subject == "features"
    assert finding.message.startswith("2 of 3 measures of features have drifted: sales (psi 0.9,")
    assert "limit 0.1: DE promotion)" in finding.message
    assert (finding.value, finding.threshold) == (0.9, 0.1)


def test_a_drift_table_without_rows_gives_no_finding(judging: Judging):
    assert judging(drift_rows())["drift"] is None


def test_drift_of_an_older_origin_or_run_does_not_count(judging: Judging):
    found = judging(
        drift_rows(
            "'weekly-0', '2015-07-24', 'features', 'promo', 'psi', 0.9, 0.1, true",
            "'weekly-1', '2015-07-31', 'features', 'promo', 'psi', 0.9, 0.1, true",
            "'weekly-2', '2015-07-31', 'features', 'promo', 'psi', 0.0, 0.1, false",
        )
    )
    assert found["drift"] == []


def test_missing_sales_are_stale(judging: Judging):
    found = judging(today=MONDAY + timedelta(days=7))["stale_data"] or []
    (sales,) = [each for each in found if each.subject == "sales"]
    assert (sales.value, sales.threshold) == (10, 9)
    assert "2015-07-31, 10 days before 2015-08-10" in sales.message


def test_a_plan_that_was_not_delivered_for_a_week_is_stale_and_one_of_six_weeks_is_not(
    judging: Judging,
):
    fresh = judging("DELETE FROM raw.plan WHERE date > DATE '2015-07-31' + 42")
    assert fresh["stale_data"] == []
    (plan,) = judging("DELETE FROM raw.plan WHERE date > DATE '2015-07-31' + 35")["stale_data"]
    assert plan.subject == "plan"
    assert plan.message == (
        "the plan ends on 2015-09-04, 32 days after 2015-08-03; expected at least 33 days. "
        "It ends on the last day that 90% of the stores have a plan of"
    )


def test_a_missing_plan_is_named_in_words(judging: Judging):
    (plan,) = judging("DELETE FROM raw.plan")["stale_data"]
    assert plan.message == "no plan was ever landed"


def test_a_plan_filled_by_rule_for_many_days_is_found(judging: Judging):
    found = judging("UPDATE forecasting.forecast_runs SET assumed_store_days = 60")
    (assumed,) = found["stale_data"] or []
    assert assumed.subject == "assumed plan"
    assert "60 of 252 store-days forecast from 2015-07-31 (23.8%)" in assumed.message


def test_a_failed_check_is_named_with_the_values_found_and_expected(judging: Judging):
    found = judging()["failed_checks"] or []
    (finding,) = found
    assert finding.subject == "dbt"
    assert finding.severity is None
    assert "core.fct_daily_sales open_without_sales: found 2 rows, expected none" in finding.message


def test_a_failed_check_of_error_severity_is_critical(judging: Judging):
    found = judging("UPDATE quality.data_quality_results SET is_success = false")["failed_checks"]
    assert {each.subject: each.severity for each in found or []} == {
        "dbt": None,
        "raw_sales": "critical",
    }


def test_a_check_that_passes_now_is_no_longer_found(judging: Judging):
    found = judging(
        "INSERT INTO quality.data_quality_results BY NAME SELECT * REPLACE ('weekly-2' AS run_id, "
        "checked_at + INTERVAL 7 DAY AS checked_at, true AS is_success) "
        "FROM quality.data_quality_results"
    )
    assert found["failed_checks"] == []


def test_a_weekly_job_that_did_not_run_is_late(judging: Judging):
    assert judging(today=date(2015, 8, 10))["refresh_late"] == []
    (late,) = judging(today=date(2015, 8, 11))["refresh_late"]
    assert (late.value, late.threshold) == (11, 10)


def test_stores_without_a_forecast_are_counted_and_named_with_the_reason(judging: Judging):
    (finding,) = judging()["stores_not_forecast"]
    assert finding.value == pytest.approx(1 / (len(STORES) + 1))
    assert "1 of 7 stores (14.3%) have no forecast from 2015-07-31" in finding.message
    assert "99 (no plan and no sales in the last 28 days)" in finding.message
    none = judging("DELETE FROM forecasting.stores_not_forecast")
    assert none["stores_not_forecast"] == []


@pytest.mark.parametrize(("last_sold", "is_missed"), [("2014-07-31", True), ("2014-07-30", False)])
def test_a_permanently_closed_store_gives_no_finding(
    judging: Judging, last_sold: str, is_missed: bool
):
    sold = (
        "INSERT INTO raw.sales (load_id, line_number, store, day_of_week, date, sales, open, "
        "promo, state_holiday, school_holiday, known_on) "
        f"VALUES (1, 2, 99, 4, '{last_sold}', 5000, 1, 0, '0', 0, '{last_sold}')"
    )
    assert bool(judging(sold)["stores_not_forecast"]) == is_missed


def test_a_champion_trained_long_ago_is_old(judging: Judging):
    (finding,) = judging(
        "UPDATE forecasting.model_versions SET trained_through = DATE '2015-05-10'"
    )["champion_old"]
    assert finding.message.startswith(f"{MODEL} was trained on sales up to 2015-05-10, 85 days")
    fresh = judging("UPDATE forecasting.model_versions SET trained_through = DATE '2015-05-11'")
    assert fresh["champion_old"] == []


def test_long_lists_are_cut_with_the_number_of_missing_entries(judging: Judging):
    rows = [f"'weekly-2', '2015-07-31', 'k', 'f{n}', 'psi', 0.9, 0.1, true" for n in range(8)]
    (finding,) = judging(drift_rows(*rows))["drift"]
    assert finding.message.endswith("f4 (psi 0.9, limit 0.1: DE promotion), and 3 more")


def test_what_is_not_landed_from_the_incoming_folder_is_named(
    small_warehouse: Settings, project_params: Params
):
    why = "sales_2015-08-07.csv.gz (compressed: unpack it)"
    with warehouse.connect(small_warehouse) as connection:
        rules = project_params.monitoring.alerts
        found = judge(Situation(connection, rules, MONDAY, "weekly-2", (why,)))["stale_data"] or []
    assert [(each.subject, each.message) for each in found] == [
        ("incoming files", f"1 of the files in the incoming folder is not landed: {why}")
    ]
