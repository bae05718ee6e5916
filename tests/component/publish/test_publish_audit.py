"""A generation that breaks its contract is never served: each fault is planted and found."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest
from support.small_warehouse import ORIGINS, change

from rossmann_ml.base.errors import NoDataError, PublishError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.audit import audit_generation
from rossmann_ml.publish.publishing import PublishedGeneration, publish
from rossmann_ml.serving.contract import load_contract
from rossmann_ml.serving.generations import current_path
from rossmann_ml.serving.status import read_status
from rossmann_ml.warehouse.session import Session

Published = tuple[Settings, PublishedGeneration]

NEWEST = f"forecast_origin = DATE '{ORIGINS[-1]}'"
ONE_DAY = f"{NEWEST} AND store_id = 3 AND horizon_days = 5"
NEW_CONTENT = "UPDATE forecasting.forecast_runs SET input_hash = 'changed'"

IN_FORECASTS = {
    "a day of the horizon is missing": (
        f"DELETE FROM forecasting.forecasts WHERE {ONE_DAY}",
        "store 3 has 41 days, expected 42",
    ),
    "a store is missing": (
        f"DELETE FROM forecasting.forecasts WHERE {NEWEST} AND store_id = 3",
        "5 stores, the run forecast 6",
    ),
    "the bounds are out of order": (
        f"UPDATE forecasting.forecasts SET lower_80 = upper_80 + 1 WHERE {ONE_DAY}",
        "1 rows of which each has bounds out of order, first store 3 on 2015-08-05",
    ),
    "a forecast is below 0": (
        f"UPDATE forecasting.forecasts SET lower_95 = -1 WHERE {ONE_DAY}",
        "below 0",
    ),
    "a forecast is not a number": (
        f"UPDATE forecasting.forecasts SET sales_forecast = 'nan' WHERE {ONE_DAY}",
        "forecasts.sales_forecast is not a finite number in 1 rows",
    ),
    "a closed day is not 0": (
        f"UPDATE forecasting.forecasts SET upper_95 = 5 WHERE {NEWEST} AND NOT is_open",
        "is closed and not 0",
    ),
    "a target date is not the horizon's day": (
        f"UPDATE forecasting.forecasts SET horizon_days = 6 WHERE {ONE_DAY}",
        "not horizon_days after the origin",
    ),
    "a day is outside the horizon": (
        f"UPDATE forecasting.forecasts SET horizon_days = 43, target_date = target_date + 38 "
        f"WHERE {ONE_DAY}",
        "outside the horizon",
    ),
    "a model is unknown": (
        f"UPDATE forecasting.forecasts SET model_version = 'm' WHERE forecast_origin = "
        f"DATE '{ORIGINS[0]}'",
        "names a model that is not in model_versions",
    ),
    "a run is unknown": (
        f"UPDATE forecasting.forecasts SET run_id = 'lost' WHERE {ONE_DAY}",
        "the run lost, which is not in",
    ),
}

IN_MARTS = {
    "a key is there twice": (
        "INSERT INTO marts.daily_sales FROM marts.daily_sales "
        "WHERE store_id = 4 AND sales_date = DATE '2015-03-04'",
        "2 rows of the key store_id = 4, sales_date = 2015-03-04",
    ),
    "a value is NULL that may not be": (
        "UPDATE marts.stores SET store_type = NULL WHERE store_id = 5",
        "marts.stores cannot be published as stores: Constraint Error: NOT NULL",
    ),
    "a column is missing": (
        "ALTER TABLE marts.daily_sales DROP COLUMN customers",
        "marts.daily_sales has no column customers",
    ),
    "a column has another type": (
        "ALTER TABLE marts.daily_sales ALTER sales TYPE VARCHAR",
        "marts.daily_sales.sales is VARCHAR; expected DOUBLE",
    ),
    "a table is missing": ("DROP TABLE marts.stores", "no table marts.stores"),
    "bounds of a week's total are crossed": (
        "UPDATE marts.forecast_totals SET lower_80 = upper_80 + 1 "
        "WHERE level = 'state' AND segment = 'HE' AND open_store_days > 0",
        "forecast_totals: 21 rows of which each has bounds out of order, first state HE",
    ),
    "bounds of a horizon's total are crossed": (
        "UPDATE marts.forecast_horizon_totals SET upper_95 = sales_unbiased * 0.9 "
        "WHERE level = 'chain' AND days = 42",
        "forecast_horizon_totals: 3 rows of which each has bounds out of order, first chain all",
    ),
    "a total without an open day is not 0": (
        "UPDATE marts.forecast_totals SET open_store_days = 0 WHERE level = 'store' "
        "AND segment = '3'",
        "is closed and not 0, first store 3",
    ),
    "a bound of a total is missing": (
        "UPDATE marts.forecast_totals SET upper_95 = NULL WHERE level = 'chain'",
        "has some bounds and not others, first chain all",
    ),
    "the totals are older than the forecasts": (
        "UPDATE marts.forecast_totals SET sales_forecast = sales_forecast + 10 "
        "WHERE level = 'chain'",
        "build the marts again",
    ),
}


def assert_publishing_fails_and_readers_keep_what_they_had(
    published: Published, params: Params, message: str
) -> None:
    settings, before = published
    files_before = sorted(settings.published_path.rglob("*"))
    with pytest.raises(PublishError) as refusal:
        publish(Session(settings, params), run_id="weekly-2")
    assert message in str(refusal.value)
    assert current_path(settings.published_path) == before.path
    assert sorted(settings.published_path.rglob("*")) == files_before
    status = read_status(settings.published_path)
    assert status.last_failed_run is not None
    assert status.last_failed_run.run_id == "weekly-2"
    assert message in status.last_failed_run.reason
    assert not status.last_failed_run.is_resolved


@pytest.mark.parametrize("fault", IN_FORECASTS)
def test_forecasts_are_not_served_when(
    published_generation: Published, project_params: Params, fault: str
) -> None:
    statement, message = IN_FORECASTS[fault]
    change(published_generation[0], NEW_CONTENT)
    change(published_generation[0], statement)
    assert_publishing_fails_and_readers_keep_what_they_had(
        published_generation, project_params, message
    )


@pytest.mark.parametrize("fault", IN_MARTS)
def test_marts_are_not_served_when(
    published_generation: Published, project_params: Params, fault: str
) -> None:
    statement, message = IN_MARTS[fault]
    change(published_generation[0], NEW_CONTENT)
    change(published_generation[0], statement, marts_follow=False)
    assert_publishing_fails_and_readers_keep_what_they_had(
        published_generation, project_params, message
    )


def test_a_model_without_files_is_not_served(
    published_generation: Published, project_params: Params
) -> None:
    settings, _ = published_generation
    change(settings, NEW_CONTENT)
    change(
        settings,
        "INSERT INTO forecasting.promotions SELECT 9, decided_at, action, 'lost', NULL, actor, "
        "reason, figures, true FROM forecasting.promotions",
    )
    with pytest.raises(NoDataError, match="the files of model lost are not in"):
        publish(Session(settings, project_params), run_id="r")
    assert current_path(settings.published_path) == published_generation[1].path


def test_a_failure_is_resolved_by_the_next_publication(
    published_generation: Published, project_params: Params
) -> None:
    settings, _ = published_generation
    change(settings, NEW_CONTENT)
    change(settings, "DROP TABLE marts.stores", marts_follow=False)
    with pytest.raises(PublishError):
        publish(Session(settings, project_params), run_id="r")
    change(settings, "SELECT 1")
    publish(Session(settings, project_params), run_id="r")
    failed = read_status(settings.published_path).last_failed_run
    assert failed is not None
    assert failed.is_resolved


IN_THE_FILE = {
    "a row got lost": (
        "DELETE FROM stores WHERE store_id = 99",
        "stores has 6 rows, its source 7",
    ),
    "a view is missing": ("DROP VIEW latest_forecasts", "latest_forecasts is missing"),
    "a column is nullable": (
        "ALTER TABLE forecast_runs ALTER git_commit DROP NOT NULL",
        "forecast_runs has the columns",
    ),
    "a table is too many": ("CREATE TABLE extra (a INTEGER)", "extra is not in the contract"),
}


@pytest.mark.parametrize("fault", IN_THE_FILE)
def test_the_file_is_read_again_and_refused_when(
    shared_published: Published, tmp_path: Path, fault: str
) -> None:
    statement, message = IN_THE_FILE[fault]
    _, generation = shared_published
    copy = tmp_path / "copy.duckdb"
    shutil.copyfile(generation.path, copy)
    audit_generation(copy, contract=load_contract(), expected_rows=generation.tables)
    with duckdb.connect(str(copy)) as connection:
        connection.execute(statement)
    with pytest.raises(PublishError) as refusal:
        audit_generation(copy, contract=load_contract(), expected_rows=generation.tables)
    assert message in str(refusal.value)


def test_a_file_in_duckdbs_own_newest_format_is_refused(
    shared_published: Published, tmp_path: Path
) -> None:
    _, generation = shared_published
    copy = tmp_path / "newest.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{generation.path}' AS old (READ_ONLY)")
        connection.execute(f"ATTACH '{copy}' AS newest")
        connection.execute("COPY FROM DATABASE old TO newest")
    with pytest.raises(PublishError, match=r"storage version v2.* expected v1\.2\.0"):
        audit_generation(copy, contract=load_contract(), expected_rows=generation.tables)
