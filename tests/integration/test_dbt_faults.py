"""Every data test of the dbt project fails when the fault it looks for is planted."""

from __future__ import annotations

import json

import pytest
from support.built_core import BuiltWarehouse

from rossmann_ml.base.errors import RefusedError

pytestmark = pytest.mark.integration

_ORIGIN = "DATE '2015-06-19'"
_ONE_SALE = "WHERE store = 1 AND date = DATE '2015-06-{day:02d}'"
_ONE_DAY = "WHERE store_id = {store} AND {column} = DATE '2015-06-{day:02d}'"


def twice(table: str) -> str:
    """Insert a row a second time."""
    return f"INSERT INTO {table} SELECT * FROM {table} LIMIT 1"


def raw_sale(change: str, day: int) -> str:
    return f"UPDATE raw.sales SET {change} {_ONE_SALE.format(day=day)}"


def raw_plan(change: str, day: int) -> str:
    return f"UPDATE raw.plan SET {change} {_ONE_SALE.format(day=day)}"


def raw_store(change: str, store: int) -> str:
    return f"UPDATE raw.stores SET {change} WHERE store = {store}"


def store_day(table: str, change: str, *, store: int = 2, day: int, column: str) -> str:
    return f"UPDATE {table} SET {change} {_ONE_DAY.format(store=store, column=column, day=day)}"


def forecast(change: str, horizon_days: int) -> str:
    return (
        f"UPDATE forecasting.forecasts SET {change} WHERE forecast_origin = {_ORIGIN} "
        f"AND store_id = 3 AND horizon_days = {horizon_days}"
    )


FAULTS = {
    # staging reads the raw rows
    "stg_sales_key_is_unique": twice("raw.sales"),
    "stg_sales_weekday_fits_the_date": raw_sale("day_of_week = day_of_week % 7 + 1", 3),
    "stg_sales_closed_days_sell_nothing": raw_sale("open = 0, sales = 5", 4),
    "stg_sales_state_holiday_is_a_known_code": raw_sale("state_holiday = 'x'", 5),
    "stg_plan_key_is_unique": twice("raw.plan"),
    "stg_plan_weekday_fits_the_date": raw_plan("day_of_week = day_of_week % 7 + 1", 23),
    "stg_plan_state_holiday_is_a_known_code": raw_plan("state_holiday = 'x'", 24),
    "stg_stores_key_is_unique": twice("raw.stores"),
    "stg_stores_promo2_months_are_months": raw_store(
        "promo2 = 1, promo_interval = 'Jan,Mai,Jul,Oct'", 2
    ),
    "stg_stores_store_type_is_a_known_one": raw_store("store_type = 'e'", 3),
    "stg_stores_assortment_is_a_known_one": raw_store("assortment = 'd'", 4),
    "stg_stores_competition_distance_is_not_negative": raw_store("competition_distance = -1", 5),
    "stg_store_states_key_is_unique": twice("raw.store_states"),
    "stg_public_holidays_state_holiday_is_a_known_code": (
        "UPDATE raw.public_holidays SET state_holiday = 'x' "
        "WHERE state = 'HE' AND date = DATE '2015-05-01'"
    ),
    "public_holidays_cover_the_plan": "DELETE FROM raw.public_holidays WHERE state <> 'HE'",
    # versions
    "set_aside_sales_key_is_unique": (
        "INSERT INTO core.set_aside_sales SELECT 1, DATE '2015-06-01', 1, 0, 9, 'partial day' "
        "FROM range(2)"
    ),
    "set_aside_sales_reasons_are_known": (
        "INSERT INTO core.set_aside_sales SELECT 1, DATE '2015-06-02', 1, 0, 9, 'made up'"
    ),
    "sales_versions_key_is_unique": twice("core.sales_versions"),
    "sales_versions_belong_to_a_store": store_day(
        "core.sales_versions", "store_id = 9999", day=1, column="sales_date"
    ),
    "sales_have_one_current_version": store_day(
        "core.sales_versions", "is_current = false", day=2, column="sales_date"
    ),
    "plan_versions_key_is_unique": twice("core.plan_versions"),
    "plan_versions_belong_to_a_store": store_day(
        "core.plan_versions", "store_id = 9999", day=21, column="plan_date"
    ),
    "plans_have_one_current_version": store_day(
        "core.plan_versions", "is_current = false", day=22, column="plan_date"
    ),
    # stores and calendar
    "dim_store_key_is_unique": twice("core.dim_store"),
    "stores_are_all_there": "UPDATE core.dim_store SET observed_days = 0 WHERE store_id = 7",
    "fct_daily_sales_key_is_unique": twice("core.fct_daily_sales"),
    "fct_daily_sales_unobserved_days_are_empty": (
        "UPDATE core.fct_daily_sales SET sales = 0 WHERE NOT is_observed"
    ),
    "fct_daily_sales_observed_days_equal_current_versions": store_day(
        "core.fct_daily_sales", "is_observed = false", day=3, column="sales_date"
    ),
    "calendar_is_dense": (
        "DELETE FROM core.fct_daily_sales WHERE store_id = 4 AND sales_date = DATE '2015-06-10'"
    ),
    "calendar_holds_the_current_raw_sales": store_day(
        "core.fct_daily_sales", "sales = sales + 0.01", day=4, column="sales_date"
    ),
    # completeness and origin; rows are added, so that joins on the true origin still match
    "expected_reports_key_is_unique": twice("core.expected_reports"),
    "data_completeness_key_is_unique": twice("core.data_completeness"),
    "data_completeness_coverage_is_a_share": (
        "UPDATE core.data_completeness SET coverage = 1.01 WHERE sales_date = DATE '2015-06-01'"
    ),
    "completeness_adds_up_to_the_calendar": (
        "UPDATE core.data_completeness SET stores_with_rows = stores_with_rows + 100 "
        "WHERE sales_date = DATE '2015-06-02'"
    ),
    "forecast_origin_is_found": (
        "INSERT INTO core.forecast_origin (forecast_origin, known_by) "
        "VALUES (NULL, DATE '9999-12-31')"
    ),
    "origin_is_inside_the_data": (
        "INSERT INTO core.forecast_origin (forecast_origin, known_by) "
        "VALUES (DATE '2031-01-01', DATE '9999-12-31')"
    ),
    # rules and plans
    **{
        f"{model}_key_is_unique": twice(f"core.{model}")
        for model in (
            "filling_origins",
            "days_to_fill",
            "store_groups",
            "opening_pattern",
            "promo_days",
            "promo_scores",
            "promo_rhythm",
            "easter_sundays",
            "store_holidays",
            "past_holidays",
            "assumed_holidays",
            "filled_plan",
        )
    },
    "plan_filling_accuracy_key_is_unique": twice("marts.plan_filling_accuracy"),
    "assumed_plan_key_is_unique": twice("core.assumed_plan"),
    "assumed_plan_covers_every_store_and_day": "DELETE FROM core.assumed_plan WHERE store_id = 5",
    "known_plan_key_is_unique": twice("core.known_plan"),
    "selling_days_key_is_unique": twice("core.selling_days"),
    "horizon_plan_key_is_unique": twice("core.horizon_plan"),
    "horizon_plan_source_is_a_known_one": (
        f"UPDATE core.horizon_plan SET plan_source = 'guessed' WHERE forecast_origin = {_ORIGIN} "
        "AND store_id = 6 AND horizon_days = 50"
    ),
    "horizon_plan_is_dense": (
        f"DELETE FROM core.horizon_plan WHERE forecast_origin = {_ORIGIN} "
        "AND store_id = 6 AND horizon_days = 51"
    ),
    "horizon_plan_repeats_what_was_planned": (
        f"UPDATE core.horizon_plan SET is_promo = NOT is_promo WHERE forecast_origin = {_ORIGIN} "
        "AND store_id = 6 AND horizon_days = 10"
    ),
    "store_plan_key_is_unique": twice("core.store_plan"),
    "store_plan_source_is_a_known_one": store_day(
        "core.store_plan", "plan_source = 'guessed'", day=5, column="plan_date"
    ),
    "store_plan_is_dense": (
        "DELETE FROM core.store_plan WHERE store_id = 8 AND plan_date = DATE '2015-06-10'"
    ),
    "store_plan_is_past_plus_future": "DELETE FROM core.store_plan WHERE store_id = 9",
    # forecasts
    "forecasts_are_sound": forecast("lower_80 = upper_95 + 1", 3),
    "quantiles_of_errors_are_in_order": (
        f"INSERT INTO forecasting.error_quantiles VALUES ({_ORIGIN}, 'day', 0.5, 0, 'run-1'), "
        f"({_ORIGIN}, 'day', 0.6, -0.1, 'run-1')"
    ),
    "forecasts_cover_the_whole_horizon": (
        f"DELETE FROM forecasting.forecasts WHERE forecast_origin = {_ORIGIN} "
        "AND store_id = 10 AND horizon_days = 20"
    ),
    "forecasts_follow_the_plan": forecast("is_open = NOT is_open", 5),
    "shadow_forecasts_match_served_store_days": (
        "INSERT INTO forecasting.shadow_forecasts SELECT * FROM forecasting.forecasts LIMIT 1"
    ),
    # marts
    "stores_key_is_unique": twice("marts.stores"),
    "stores_are_those_of_dim_store": "DELETE FROM marts.stores WHERE store_id IN (11, 12, 13)",
    "daily_sales_key_is_unique": twice("marts.daily_sales"),
    "daily_sales_has_the_calendars_days": "DELETE FROM marts.daily_sales WHERE store_id = 11",
    "served_store_plan_key_is_unique": twice("marts.store_plan"),
    "served_store_plan_has_the_plans_days": "DELETE FROM marts.store_plan WHERE store_id = 11",
    "quarantined_rows_are_all_there": (
        "INSERT INTO marts.quarantined_rows "
        "VALUES (1, 'sales', 'train.csv', 2, NULL, 'made up', '1,2', TIMESTAMP '2015-06-22')"
    ),
    "forecast_totals_key_is_unique": twice("marts.forecast_totals"),
    "forecast_totals_level_is_a_known_one": (
        "UPDATE marts.forecast_totals SET level = 'region' WHERE level = 'state'"
    ),
    "forecast_totals_days_are_of_one_week": (
        "UPDATE marts.forecast_totals SET days = 8 WHERE level = 'chain'"
    ),
    "forecast_horizon_totals_key_is_unique": twice("marts.forecast_horizon_totals"),
    "forecast_horizon_totals_level_is_a_known_one": (
        "UPDATE marts.forecast_horizon_totals SET level = 'region' WHERE level = 'state'"
    ),
    "bounds_of_totals_are_in_order": (
        "UPDATE marts.forecast_totals SET sales_unbiased = sales_forecast, "
        "lower_80 = sales_forecast + 1, upper_80 = sales_forecast, lower_95 = 0, "
        "upper_95 = sales_forecast WHERE level = 'chain'"
    ),
    "the_chain_is_no_less_certain_than_its_parts": (
        "UPDATE marts.forecast_horizon_totals SET sales_unbiased = sales_forecast, lower_80 = 0, "
        "upper_80 = 1e12, lower_95 = 0, upper_95 = CASE level WHEN 'chain' THEN 2e12 ELSE 1 END"
    ),
    "totals_of_every_level_add_up_to_the_forecasts": (
        "UPDATE marts.forecast_totals SET sales_forecast = sales_forecast + 0.02 "
        "WHERE level = 'chain'"
    ),
    "weeks_of_the_chain_hold_every_forecast_day": (
        "UPDATE marts.forecast_totals SET week_start = week_start + 1 WHERE level = 'chain'"
    ),
    "forecast_revisions_key_is_unique": twice("marts.forecast_revisions"),
    "forecast_revisions_compare_with_an_earlier_origin": (
        "UPDATE marts.forecast_revisions SET previous_origin = forecast_origin WHERE store_id = 12"
    ),
    "revisions_lead_from_one_forecast_to_the_next": (
        "UPDATE marts.forecast_revisions SET change = change + 1 WHERE store_id = 13"
    ),
    "drivers_add_up_to_the_forecasts": (
        "UPDATE forecasting.forecast_drivers SET promo_log = promo_log + 0.001 WHERE store_id = 14"
    ),
    "forecast_driver_changes_key_is_unique": twice("marts.forecast_driver_changes"),
    "driver_changes_add_up_to_the_revisions": (
        "UPDATE marts.forecast_driver_changes SET level_change_eur = level_change_eur + 1 "
        "WHERE store_id = 15"
    ),
    "forecast_accuracy_key_is_unique": twice("marts.forecast_accuracy"),
    "forecast_accuracy_forecast_kind_is_a_known_one": (
        "UPDATE marts.forecast_accuracy SET forecast_kind = 'other' WHERE segment_kind = 'state'"
    ),
    "accuracy_has_one_served_vintage_an_origin": twice("marts.forecast_accuracy"),
    "seasonal_naive_key_is_unique": (
        "INSERT INTO marts.seasonal_naive SELECT DATE '2015-06-19', 1, 1, DATE '2015-06-15', 9 "
        "FROM range(2)"
    ),
    "seasonal_naive_knows_nothing_after_its_origin": (
        "INSERT INTO marts.seasonal_naive SELECT DATE '2015-06-19', 2, 1, DATE '2015-06-22', 9"
    ),
    "forecast_worst_days_key_is_unique": twice("marts.forecast_worst_days"),
    "forecast_worst_days_places_are_taken_once": (
        "UPDATE marts.forecast_worst_days SET place = 1 WHERE place = 2"
    ),
    "forecast_worst_days_ranked_by_is_a_known_one": (
        "UPDATE marts.forecast_worst_days SET ranked_by = 'size' WHERE place = 3"
    ),
    "forecast_worst_days_places_are_in_range": (
        "UPDATE marts.forecast_worst_days SET place = 201 WHERE place = 4"
    ),
    "forecast_worst_days_reason_is_a_known_one": (
        "UPDATE marts.forecast_worst_days SET reason = 'weather' WHERE place = 5"
    ),
    "api_usage_key_is_unique": (
        "INSERT INTO marts.api_usage SELECT DATE '2015-06-22', 'all', 1, 1, 1, 1, 0, 0, 0, 0, 0 "
        "FROM range(2)"
    ),
    "api_usage_every_request_has_one_outcome": (
        "INSERT INTO marts.api_usage SELECT DATE '2015-06-23', 'all', 2, 1, 1, 1, 0, 0, 0, 0, 0"
    ),
    "usage_of_paths_adds_up_to_the_days": (
        "INSERT INTO marts.api_usage SELECT DATE '2015-06-24', '/a', 1, 1, 1, 1, 0, 0, 0, 0, 0"
    ),
    "forecast_accuracy_segment_kind_is_a_known_one": (
        "UPDATE marts.forecast_accuracy SET segment_kind = 'town' WHERE segment_kind = 'state'"
    ),
    "forecast_accuracy_rmspe_is_not_negative": (
        "UPDATE marts.forecast_accuracy SET rmspe = -0.1 WHERE segment_kind = 'promo'"
    ),
    "forecast_accuracy_coverage_80_is_a_share": (
        "UPDATE marts.forecast_accuracy SET coverage_80 = 1.1 WHERE segment_kind = 'promo'"
    ),
    "forecast_accuracy_coverage_95_is_a_share": (
        "UPDATE marts.forecast_accuracy SET coverage_95 = -0.1 WHERE segment_kind = 'promo'"
    ),
    "accuracy_segments_add_up_to_the_whole": (
        "DELETE FROM marts.forecast_accuracy WHERE segment_kind = 'weekday' AND segment = '1'"
    ),
    "accuracy_covers_every_forecast_with_actuals": (
        "UPDATE marts.forecast_accuracy SET store_days = store_days - 100 "
        "WHERE segment_kind = 'overall'"
    ),
}

ONLY_WARN = {"stg_stores_store_type_is_a_known_one", "stg_stores_assortment_is_a_known_one"}


@pytest.fixture(scope="module")
def outcomes(built: BuiltWarehouse) -> dict[str, str]:
    """Return the status of every data test on a warehouse with every fault in it."""
    built.execute(*FAULTS.values())
    try:
        with pytest.raises(RefusedError):
            built.run("test")
        return built.outcomes()
    finally:
        built.restore()


@pytest.mark.parametrize("test_name", FAULTS)
def test_a_planted_fault_fails_its_dbt_test(outcomes: dict[str, str], test_name: str) -> None:
    assert outcomes[test_name] == ("warn" if test_name in ONLY_WARN else "fail")


def test_every_dbt_test_has_a_fault_that_fails_it(built: BuiltWarehouse) -> None:
    manifest = json.loads(built.marts_run.manifest_path.read_text(encoding="utf-8"))
    tests = {n["name"] for n in manifest["nodes"].values() if n["resource_type"] == "test"}
    assert tests == set(FAULTS)
