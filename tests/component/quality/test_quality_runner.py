"""Running suites on a warehouse: results as values, rows, pages and in the terminal."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from support.quality_tables import make_good_tables

from rossmann_ml.base.errors import NoDataError, RefusedError, SettingsError
from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.quality import SUITES, available_suites, load_suite, run_suites
from rossmann_ml.warehouse.session import Session

NEGATIVE_SALES = "UPDATE raw.sales SET sales = -7 WHERE store = 5 AND date = '2015-03-03'"
NO_PROMOTIONS = "UPDATE core.horizon_plan SET is_promo = false"


@pytest.fixture(scope="module")
def good_database(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("good") / "rossmann.duckdb"
    with duckdb.connect(str(path)) as connection:
        make_good_tables(connection)
    return path


@pytest.fixture
def settings(good_database, tmp_path, monkeypatch) -> Iterator[Settings]:
    """Return a warehouse of valid tables that the test may change."""
    (tmp_path / "warehouse").mkdir()
    (tmp_path / "warehouse" / "rossmann.duckdb").write_bytes(good_database.read_bytes())
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    yield load_settings(warehouse_dir=tmp_path / "warehouse", state_dir=tmp_path / "a $state of 1%")
    # Great Expectations creates folders in the working directory by default
    assert list((tmp_path / "elsewhere").iterdir()) == []


def _execute(settings: Settings, sql: str) -> list[tuple]:
    with duckdb.connect(str(settings.database_path)) as connection:
        return connection.execute(sql).fetchall()


def _rossmann(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("rossmann")), *arguments],
        env={
            **os.environ,
            "ROSSMANN_WAREHOUSE_DIR": str(settings.warehouse_path),
            "ROSSMANN_STATE_DIR": str(settings.state_path),
            "COLUMNS": "200",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_results_are_one_row_per_check_in_the_warehouse(settings):
    _execute(settings, NEGATIVE_SALES)

    results = run_suites(Session(settings), SUITES, run_id="weekly-1")

    assert [result.suite for result in results] == list(SUITES)
    assert [result.is_success for result in results] == [False, True, True, True, True, True]
    rows = _execute(
        settings,
        "SELECT suite, count(*) FROM quality.data_quality_results"
        " WHERE run_id = 'weekly-1' AND tool = 'great_expectations' GROUP BY suite",
    )
    assert dict(rows) == {suite: len(load_suite(suite).expectations) for suite in SUITES}
    failed = _execute(
        settings,
        "SELECT suite, table_name, column_name, check_name, severity, rows_checked,"
        " rows_unexpected, observed, expected"
        " FROM quality.data_quality_results WHERE NOT is_success",
    )
    assert failed == [
        (
            "raw_sales", "raw.sales", "sales", "expect_column_values_to_be_between", "error",
            6420, 1, "1 of 6,420 rows unexpected, such as -7", "0 to 200,000",
        )
    ]  # fmt: skip


def test_running_again_replaces_the_rows_of_the_same_run_and_keeps_those_of_others(settings):
    for run_id in ("weekly-1", "weekly-2", "weekly-2"):
        run_suites(Session(settings), ["plan"], run_id=run_id)

    rows = _execute(
        settings,
        "SELECT run_id, count(*) FROM quality.data_quality_results GROUP BY run_id ORDER BY run_id",
    )
    expectations = len(load_suite("plan").expectations)
    assert rows == [("weekly-1", expectations), ("weekly-2", expectations)]


def test_the_page_of_a_run_names_what_failed_and_why_it_matters(settings):
    _execute(settings, NEGATIVE_SALES)

    (result,) = run_suites(Session(settings), ["raw_sales"], run_id="weekly/1")

    page = result.data_docs_path.read_text(encoding="utf-8")
    below = result.data_docs_path.relative_to(settings.data_docs_path)
    assert f"http://127.0.0.1:8501/data_docs/{below}" in result.summary()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "Status: Failed" in text
    assert "1 unexpected values found" in text
    assert "sales: 0 to 200,000. No store of the chain comes near 200,000 EUR a day" in text
    index = settings.data_docs_path / "index.html"
    assert result.data_docs_path.name in index.read_text(encoding="utf-8")


def test_a_new_folder_of_pages_gets_the_pages_of_earlier_runs_too(settings):
    (first,) = run_suites(Session(settings), ["raw_stores"], run_id="weekly-1")
    shutil.rmtree(settings.data_docs_path)
    run_suites(Session(settings), ["plan"], run_id="weekly-2")

    assert first.data_docs_path.exists()


def test_pages_of_older_runs_stay_until_there_are_ten(settings):
    paths = [
        run_suites(Session(settings), ["raw_stores"], run_id=f"weekly-{number}")[0].data_docs_path
        for number in range(12)
    ]

    assert [path.exists() for path in paths] == [False] * 2 + [True] * 10
    kept = list((settings.state_path / "gx" / "validations").rglob("*.json"))
    assert len(kept) == 10


def test_checking_one_suite_leaves_the_pages_of_the_others(settings):
    (plan,) = run_suites(Session(settings), ["plan"], run_id="weekly-1")
    run_suites(Session(settings), ["raw_stores"], run_id="weekly-1")

    assert plan.data_docs_path.exists()


def test_a_failed_warning_is_reported_but_is_no_failure(settings):
    _execute(settings, NO_PROMOTIONS)

    (result,) = run_suites(Session(settings), ["plan"], run_id="weekly-1")

    assert result.is_success
    assert [check.column_name for check in result.failed_warnings] == ["promo_change"]
    assert "0 errors, 1 warning" in result.summary()
    assert "  warning: core.horizon_plan promo_change: found -0.404" in (result.summary())


def test_a_suite_whose_table_is_missing_is_refused_and_nothing_is_stored(settings):
    _execute(settings, "DROP TABLE features.scoring_panel")

    with pytest.raises(NoDataError, match="suite features"):
        run_suites(Session(settings), ["raw_stores", "features"], run_id="weekly-1")

    assert _execute(settings, "SELECT count(*) FROM quality.data_quality_results") == [(0,)]
    assert available_suites(Session(settings)) == [
        *("raw_sales", "raw_stores", "newest_sales"),
        *("plan", "forecasts"),
    ]


def test_an_unknown_suite_is_refused_before_anything_runs(settings):
    with pytest.raises(SettingsError, match="there is no suite 'prices'"):
        run_suites(Session(settings), ["prices"], run_id="weekly-1")


def test_validate_shows_every_check_and_ends_well_on_warnings(settings):
    _execute(settings, NO_PROMOTIONS)
    _execute(settings, "DROP TABLE forecasting.forecasts")

    done = _rossmann(settings, "validate")

    assert done.returncode == 0, done.stderr
    assert "forecasts: not checked, forecasting.forecasts does not exist yet" in done.stdout
    assert "raw_sales: 21 of 21 checks passed, 0 errors, 0 warnings" in done.stdout
    assert re.search(r"promo_change +-0\.404\d* +-0\.25 to 0\.25 +warning", done.stdout)
    assert _execute(
        settings,
        "SELECT count(DISTINCT suite) FROM quality.data_quality_results"
        " WHERE run_id LIKE 'validate-%'",
    ) == [(len(SUITES) - 1,)]


def test_validate_ends_with_the_exit_code_of_a_failed_check_and_names_it(settings):
    _execute(settings, NEGATIVE_SALES)

    done = _rossmann(settings, "validate", "--suite", "raw_sales", "--suite", "raw_stores")

    assert done.returncode == RefusedError.exit_code
    assert "1 check of error severity failed" in done.stderr
    assert "raw.sales sales: found 1 of 6,420 rows unexpected, such as -7" in done.stderr
    assert "Traceback" not in done.stderr


def test_validate_without_a_warehouse_says_what_to_do_first(settings):
    settings.database_path.unlink()

    done = _rossmann(settings, "validate")

    assert done.returncode == NoDataError.exit_code
    assert "run `rossmann refresh` first" in done.stderr


def test_help_names_every_suite(settings):
    text = " ".join(_rossmann(settings, "validate", "--help").stdout.split())

    assert [suite for suite in SUITES if suite not in text] == []
