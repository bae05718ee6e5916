"""Backfilled origins: forecasts by models of their time, from the data known then."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from support.built_core import NEWEST_ORIGIN
from support.trained_chain import Chain, promote

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.features.inputs import read_inputs
from rossmann_ml.ingest import land_incoming
from rossmann_ml.pipeline.backfill import backfill_origin, possible_origins
from rossmann_ml.warehouse.connection import connect
from rossmann_ml.warehouse.dbt import run_dbt
from rossmann_ml.warehouse.session import Session

pytestmark = pytest.mark.integration

PAST = NEWEST_ORIGIN - timedelta(days=42)


def backfilled(chain: Chain, run_id: str) -> list[tuple]:
    backfill_origin(Session(chain.settings, chain.params), forecast_origin=PAST, run_id=run_id)
    return chain.rows(
        "SELECT * EXCLUDE (run_id, model_version) FROM forecasting.forecasts "
        f"WHERE forecast_origin = '{PAST}' ORDER BY store_id, target_date"
    )


def test_a_backfilled_forecast_does_not_change_with_what_came_later(chain: Chain) -> None:
    promote(chain)
    before = backfilled(chain, "before")
    assert len(before) > 30 * 42
    ((kind, known_by, model),) = chain.rows(
        f"SELECT run_kind, known_by, model_version FROM forecasting.forecast_runs "
        f"WHERE forecast_origin = '{PAST}'"
    )
    assert (kind, known_by) == ("backfill", date(2015, 5, 11))
    assert model.startswith("blend-20150508-")

    # later sales change in the version known on their own day, and an earlier day is restated late
    with connect(chain.settings) as connection:
        connection.execute(f"CREATE TABLE kept AS SELECT * FROM raw.sales WHERE date > '{PAST}'")
        connection.execute(
            f"UPDATE raw.sales SET sales = sales * 3 WHERE date > '{PAST}' AND open = 1"
        )
        connection.execute("DELETE FROM raw.data_versions")
        connection.execute(
            f"INSERT INTO raw.sales SELECT * REPLACE (99 AS load_id, sales * 2 AS sales, "
            f"DATE '2015-06-22' AS known_on) FROM raw.sales WHERE date = '{PAST}' AND open = 1"
        )
    try:
        run_dbt(Session(chain.settings, chain.params), ["run", "--selector", "core"])
        assert backfilled(chain, "after") == before
    finally:
        with connect(chain.settings) as connection:
            connection.execute("DELETE FROM raw.sales WHERE load_id = 99")
            connection.execute(f"DELETE FROM raw.sales WHERE date > '{PAST}'")
            connection.execute("INSERT INTO raw.sales SELECT * FROM kept")
            connection.execute("DROP TABLE kept")
            connection.execute("DELETE FROM raw.data_versions")
        run_dbt(Session(chain.settings, chain.params), ["run", "--selector", "core"])


def test_only_past_origins_with_enough_history_can_be_backfilled(chain: Chain) -> None:
    with connect(chain.settings) as connection:
        possible = possible_origins(connection, chain.params)
    assert possible[0] == NEWEST_ORIGIN - timedelta(days=7)
    for day in (NEWEST_ORIGIN, possible[-1] - timedelta(days=1)):
        with pytest.raises(NoDataError, match="cannot be backfilled"):
            backfill_origin(Session(chain.settings, chain.params), forecast_origin=day, run_id="no")


def test_a_restated_day_is_seen_as_it_was_known_then(chain: Chain, tmp_path: Path) -> None:
    ((before,),) = chain.rows(
        "SELECT sales FROM core.fct_daily_sales WHERE store_id = 1 AND sales_date = '2015-06-18'"
    )
    drop = tmp_path / "sales_2015-06-22.csv"  # when the restatement became known
    day = pl.read_csv(
        chain.settings.raw_dir / "train.csv", schema_overrides={"StateHoliday": pl.String}
    ).filter(pl.col("Date") == "2015-06-18")
    restated = pl.when(pl.col("Store") == 1).then(12345).otherwise("Sales")
    day.with_columns(Sales=restated).write_csv(drop)
    land_incoming(Session(chain.settings, chain.params), paths=[drop])
    run_dbt(Session(chain.settings, chain.params), ["run", "--selector", "core"])
    with connect(chain.settings, read_only=True) as connection:
        then, now = (
            read_inputs(
                connection, chain.params, forecast_origin=NEWEST_ORIGIN, known_by=known_by
            ).features.sales.sales[0, -2]
            for known_by in (date(2015, 6, 21), None)
        )
    assert (then, now) == (before, 12345)
