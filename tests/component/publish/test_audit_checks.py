"""Every check of the audit, with the smallest faults and with values exactly at the limits.

The definitions are the docstrings of ``publish/audit.py`` and the meanings in ``contract.yaml``:
what a reader's program relies on. Faults planted in the same table are counted together, so a check
that skips one bound counts one row less.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from support.tiny_generation import few_tables

from rossmann_ml.base.errors import PublishError
from rossmann_ml.publish.audit import audit_generation

Audit = Callable[..., str]
# two periods of each table; the weeks of both origins start on different Mondays
SPANS = {
    "forecast_totals": ("days = 2", "days = 7"),
    "forecast_horizon_totals": ("days = 7", "days = 9"),
}
FIRST = {"forecast_totals": "2015-06-08", "forecast_horizon_totals": "7"}


@pytest.fixture
def audit(sound_generation: tuple[Path, dict[str, int]], tmp_path: Path) -> Audit:
    """Return a function that changes the file and returns the audit's message, if any."""

    def plant(statements: str = "SELECT 1", **rows: int) -> str:
        sound, expected = sound_generation
        path = tmp_path / "planted.duckdb"
        path.write_bytes(sound.read_bytes())
        with duckdb.connect(str(path)) as connection:
            connection.execute(statements)
        try:
            audit_generation(path, contract=few_tables(), expected_rows={**expected, **rows})
        except PublishError as error:
            return str(error)
        return ""

    return plant


def rows_of(store: int, day: int, older: bool = True) -> str:
    """Return the SQL condition of one store-day's forecast at an origin."""
    origin = "2015-06-12" if older else "2015-06-19"
    return f"forecast_origin = DATE '{origin}' AND store_id = {store} AND horizon_days = {day}"


def changes(table: str, *planted: tuple[str, str]) -> str:
    """Return UPDATE statements for pairs of columns and condition."""
    return ";".join(f"UPDATE {table} SET {columns} WHERE {where}" for columns, where in planted)


def test_a_valid_generation_passes_and_the_audit_returns_the_rows_of_tables_and_views(
    sound_generation: tuple[Path, dict[str, int]],
) -> None:
    path, rows = sound_generation
    counted = audit_generation(path, contract=few_tables(), expected_rows=rows)
    assert counted == {
        "forecasts": 36,
        "forecast_totals": 24,
        "forecast_horizon_totals": 24,
        "error_quantiles": 606,
        "forecast_runs": 2,
        "stores_not_forecast": 0,
        "model_versions": 1,
        "backtest_scores": 1,
        "generation_info": 1,
        "latest_forecasts": 18,
        "forecast_quantiles": 36,
        "forecast_total_quantiles": 24,
        "forecast_horizon_total_quantiles": 24,
    }


FORECAST_FAULTS = {
    "has a forecast or bound below 0": (
        3,
        ("lower_95 = -0.01", rows_of(1, 1)),
        ("lower_80 = -0.01, lower_95 = -0.02", rows_of(1, 3)),
        ("sales_forecast = -0.01, lower_80 = -0.02, lower_95 = -0.03", rows_of(1, 4)),
    ),
    "has bounds out of order": (
        4 + 4,  # and four of the closed days below
        ("lower_95 = lower_80 + 0.01", rows_of(1, 5)),
        ("lower_80 = sales_forecast + 0.01", rows_of(1, 6)),
        ("upper_80 = sales_forecast - 0.01", rows_of(1, 7)),
        ("upper_80 = upper_95 + 0.01", rows_of(1, 8)),
    ),
    "is closed and not 0": (
        5,
        ("sales_forecast = 0.01", rows_of(1, 2)),
        ("lower_80 = 0.01", rows_of(1, 9)),
        ("upper_80 = 0.01", rows_of(2, 2)),
        ("lower_95 = 0.01", rows_of(2, 9)),
        ("upper_95 = 0.01", rows_of(1, 2, older=False)),
    ),
    "has a median or error scale below 0, or only one of them": (
        3,
        ("sales_median = -0.01", rows_of(1, 7, older=False)),
        ("error_scale = -0.01", rows_of(1, 8, older=False)),
        ("error_scale = NULL", rows_of(2, 3, older=False)),
    ),
    "is closed and has a median above 0": (1, ("sales_median = 0.01", rows_of(1, 9, older=False))),
    "has a target date that is not horizon_days after the origin": (
        2,
        ("target_date = target_date - 20", rows_of(2, 1)),
        ("target_date = target_date + 20", rows_of(1, 3, older=False)),
    ),
    "is outside the horizon": (
        2,
        ("horizon_days = 0, target_date = forecast_origin", rows_of(1, 4, older=False)),
        ("horizon_days = 10, target_date = forecast_origin + 10", rows_of(2, 8, older=False)),
        # no fault: an earlier origin may have been forecast with a longer horizon
        ("horizon_days = 10, target_date = forecast_origin + 10", rows_of(2, 8)),
    ),
    "names a model that is not in model_versions": (
        1,
        ("model_version = 'M'", rows_of(1, 5, older=False)),
    ),
    "names a run that is not in forecast_runs": (
        1,
        ("run_id = 'lost'", rows_of(1, 6, older=False)),
    ),
}


def test_each_row_of_the_forecasts_that_has_a_fault_is_counted(audit: Audit) -> None:
    planted = [change for _, *changes in FORECAST_FAULTS.values() for change in changes]
    told = audit(changes("forecasts", *planted))
    for fault, (count, *_) in FORECAST_FAULTS.items():
        assert f"forecasts: {count} rows of which each {fault}, first store 1 on 2015-" in told


def test_quantiles_that_would_cross_or_cannot_be_computed_are_faults(audit: Audit) -> None:
    at = "UPDATE error_quantiles SET log_error = {} WHERE shape = 'day' AND level = {}"
    told = audit(at.format(0.1, 0.7))  # at both origins
    assert "2 rows of which each is smaller than that of the level below, first level 0.7" in told
    assert "is not 0 at the level 0.5" in audit(at.format(0.01, 0.5))
    told = audit("DELETE FROM error_quantiles WHERE shape = 'group 0'", error_quantiles=404)
    assert "each has a shape of errors that is not in error_quantiles" in told
    older = "DELETE FROM error_quantiles WHERE forecast_origin = DATE '2015-06-12'"
    told = audit(older, error_quantiles=303)
    assert "18 rows of which each has a median, but its origin has no quantiles of errors" in told
    assert "the macro error_quantiles_at is missing" in audit("DROP MACRO TABLE error_quantiles_at")


def test_the_first_row_is_that_of_the_smallest_store_and_its_earliest_day(audit: Audit) -> None:
    # store 2 at the older origin and store 1 at the newer one, on a later day
    told = audit(
        changes(
            "forecasts",
            ("run_id = 'lost'", rows_of(2, 1)),
            ("run_id = 'lost'", rows_of(1, 5, older=False)),
            ("run_id = 'lost'", rows_of(1, 4, older=False)),
        )
    )
    assert "3 rows of which each names a run" in told
    assert "first store 1 on 2015-06-23 of origin 2015-06-19" in told


def test_bounds_at_0_and_bounds_that_equal_the_forecast_pass(audit: Audit) -> None:
    equal = "lower_80 = sales_forecast, lower_95 = sales_forecast"
    assert not audit(
        changes(
            "forecasts",
            ("lower_80 = 0, lower_95 = 0", rows_of(1, 1)),
            (f"{equal}, upper_80 = sales_forecast, upper_95 = sales_forecast", rows_of(1, 3)),
            ("lower_95 = lower_80, upper_95 = upper_80", rows_of(1, 4)),
        )
    )


TOTAL_FAULTS = {
    "has bounds out of order": (
        *("lower_95 = -0.01", "lower_95 = lower_80 + 0.01", "lower_80 = sales_unbiased + 0.01"),
        *("upper_80 = sales_unbiased - 0.01", "upper_95 = upper_80 - 0.01"),
    ),
    "is closed and not 0": tuple(
        "open_store_days = 0, "
        + ", ".join(
            f"{column} = {0.01 if column == wrong else 0}"
            for column in (
                *("sales_forecast", "sales_unbiased", "lower_80", "upper_80", "lower_95"),
                "upper_95",
            )
        )
        for wrong in (
            *("sales_forecast", "sales_unbiased", "lower_80", "upper_80", "lower_95", "upper_95"),
        )
    ),
    "has some bounds and not others": (
        *("sales_unbiased = NULL", "lower_80 = NULL", "upper_80 = NULL", "lower_95 = NULL"),
        "upper_95 = NULL",
    ),
}
# segments that are not compared with the days, in the order of the message
SEGMENTS = [
    f"forecast_origin = DATE '{origin}' AND level = '{level}' AND segment = '{segment}'"
    for origin in ("2015-06-12", "2015-06-19")
    for level, segment in (("assortment", "c"), ("state", "HE"), ("store", "1"), ("store", "2"))
]


def test_each_row_of_the_totals_that_has_a_fault_is_counted(audit: Audit) -> None:
    conditions = [f"{segment} AND {{}}" for segment in SEGMENTS]
    planted = [change for listed in TOTAL_FAULTS.values() for change in listed]
    statements = []
    for spans in SPANS.values():
        rows = [condition.format(span) for span in spans for condition in conditions]
        statements.append(dict(zip(rows, planted, strict=True)))
    told = audit(
        ";".join(
            changes(table, *((change, row) for row, change in rows.items()))
            for table, rows in zip(SPANS, statements, strict=True)
        )
    )
    for table, first in (("forecast_totals", "week_start"), ("forecast_horizon_totals", "days")):
        # four of the closed totals have bounds out of order too
        for fault, count in zip(TOTAL_FAULTS, (5 + 4, 6, 5), strict=True):
            assert f"{table}: {count} rows of which each {fault}, first " in told
        assert f"{first} {FIRST[table]} of origin 2015-06-12" in told
        assert f"each has bounds out of order, first assortment c, {first} " in told


@pytest.mark.parametrize("table", SPANS)
def test_totals_without_bounds_with_equal_ones_and_closed_ones_pass(
    audit: Audit, table: str
) -> None:
    every = "sales_unbiased = {0}, lower_80 = {0}, upper_80 = {0}, lower_95 = {0}, upper_95 = {0}"
    assert not audit(
        changes(
            table,
            (every.format("NULL"), "level = 'chain'"),
            (every.format("7"), "level = 'state'"),
            ("lower_95 = 0, lower_80 = 0", "level = 'assortment'"),
            (f"open_store_days = 0, sales_forecast = 0, {every.format('0')}", "segment = '1'"),
        )
    )


def test_weeks_may_differ_from_days_by_a_cent_and_a_millionth_of_the_days(audit: Audit) -> None:
    # 7 open days of 300 EUR: 2,100 EUR, so 0.0121 EUR
    plant = "UPDATE forecast_totals SET sales_forecast = sales_forecast {} WHERE level = 'chain' "
    first_week = "AND days = 2 AND forecast_origin = DATE '2015-06-12'"
    newest = "AND days = 2 AND forecast_origin = DATE '2015-06-19'"
    assert not audit(f"{plant.format('+ 0.0120')}{first_week};{plant.format('- 0.0120')}{newest}")
    for change, found in (("+ 0.0122", "2,100.01"), ("- 0.0122", "2,099.99")):
        told = audit(plant.format(change) + first_week)
        assert f"weeks of origin 2015-06-12 add up to {found}, its days to 2,100.00" in told


def test_missing_weeks_are_reported_for_the_newest_origin(audit: Audit) -> None:
    told = audit("DELETE FROM forecast_totals WHERE level = 'chain'", forecast_totals=20)
    assert "weeks of origin 2015-06-19 add up to 0.00, its days to 2,100.00" in told
    assert told.count("add up to") == 1


def test_a_closed_day_may_be_missing_at_an_older_origin_but_not_at_the_newest(audit: Audit) -> None:
    drop = "DELETE FROM forecasts WHERE "
    assert not audit(drop + rows_of(2, 9), forecasts=35)
    told = audit(drop + rows_of(2, 9, older=False), forecasts=35)
    assert "latest_forecasts: store 2 has 8 days, expected 9" in told
    assert "stores, the run forecast" not in told


def test_the_number_of_stores_is_that_of_the_newest_run_of_the_newest_origin(audit: Audit) -> None:
    stores = "UPDATE forecast_runs SET stores = {} WHERE forecast_origin = DATE '{}'"
    another = (
        "INSERT INTO forecast_runs SELECT * REPLACE ('again' AS run_id, {} AS stores, "
        "finished_at + INTERVAL {} AS finished_at) FROM forecast_runs WHERE run_id = "
        "'run-2015-06-19'"
    )
    older_ones = ";".join([stores.format(3, "2015-06-12"), another.format(3, "'-1 second'")])
    assert not audit(older_ones, forecast_runs=3)
    told = audit(another.format(3, "'1 second'"), forecast_runs=3)
    assert told.endswith("latest_forecasts: 2 stores, the run forecast 3")
    told = audit(stores.format(1, "2015-06-19"))
    assert told.endswith("latest_forecasts: 2 stores, the run forecast 1")


def test_the_newest_origin_is_the_one_in_generation_info(audit: Audit) -> None:
    told = audit("UPDATE generation_info SET forecast_origin = DATE '2015-06-12'")
    assert told.endswith("latest_forecasts: 0 stores, the run forecast 2")
