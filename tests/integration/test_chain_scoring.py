"""Scoring the newest origin with the champion."""

from __future__ import annotations

import shutil

import pytest
from support.trained_chain import Chain, add_model, promote, rmspe_of

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.forecasting.score import build_scoring_panel, score_newest_origin
from rossmann_ml.warehouse.connection import connect
from rossmann_ml.warehouse.session import Session

pytestmark = pytest.mark.integration


def test_scoring_without_a_champion_names_the_command_to_get_one(chain: Chain) -> None:
    build_scoring_panel(Session(chain.settings, chain.params))
    with pytest.raises(NoDataError, match="--retrain fast"):
        score_newest_origin(Session(chain.settings), run_id="first")


def test_scoring_twice_stores_once_and_a_new_model_replaces_but_keeps_the_rows(
    chain: Chain,
) -> None:
    promote(chain)
    build_scoring_panel(Session(chain.settings, chain.params))
    first = score_newest_origin(Session(chain.settings), run_id="first")
    again = score_newest_origin(Session(chain.settings), run_id="again")
    assert (first.is_new, again.is_new, again.run_id) == (True, False, "first")
    assert first.store_days == 40 * 42
    assert chain.rows("SELECT count(*) FROM forecasting.forecast_runs") == [(1,)]

    version, models = chain.trained.model_version, chain.settings.models_path
    refit = f"refit-{version[-8:]}"  # the same files, so the same hash
    shutil.copytree(models / version, models / refit, dirs_exist_ok=True)
    add_model(chain, refit, rmspe=rmspe_of(chain))
    promote(chain, refit)
    other = score_newest_origin(Session(chain.settings), run_id="other")
    assert (other.is_new, other.model_version) == (True, refit)
    assert chain.rows("SELECT count(*), any_value(run_id) FROM forecasting.forecast_history") == [
        (40 * 42, "first")
    ]
    assert chain.rows("SELECT DISTINCT run_id FROM forecasting.forecasts") == [("other",)]


def test_a_store_without_plan_and_recent_sales_is_listed_with_the_reason(chain: Chain) -> None:
    promote(chain)
    with connect(chain.settings) as connection:
        connection.execute("CREATE TABLE kept AS SELECT * FROM core.horizon_plan")
        connection.execute("DELETE FROM core.horizon_plan WHERE store_id = 5")
    try:
        build_scoring_panel(Session(chain.settings, chain.params))
        report = score_newest_origin(Session(chain.settings), run_id="without 5")
        assert (report.stores, report.stores_not_forecast) == (39, 1)
        ((store, reason),) = chain.rows(
            "SELECT store_id, reason FROM forecasting.stores_not_forecast"
        )
        assert store == 5
        assert str(reason).startswith("no sales since 2015-06-19")
    finally:
        with connect(chain.settings) as connection:
            connection.execute("INSERT INTO core.horizon_plan SELECT * FROM kept WHERE store_id=5")
            connection.execute("DROP TABLE kept")


def test_a_panel_of_another_origin_is_not_scored(chain: Chain) -> None:
    promote(chain)
    with connect(chain.settings) as connection:
        connection.execute(
            "UPDATE features.panel_builds SET forecast_origin = '2015-06-12' "
            "WHERE panel = 'scoring_panel'"
        )
    with pytest.raises(NoDataError, match="2015-06-19"):
        score_newest_origin(Session(chain.settings), run_id="first")
