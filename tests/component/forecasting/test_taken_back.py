"""Forecasts that used a replaced or withdrawn file are deleted, and their runs stay on record.

Definition: ``docs/decisions/0016-a-file-is-a-version.md``.
"""

from __future__ import annotations

from datetime import datetime

from support.small_warehouse import ORIGINS, add_week

from rossmann_ml.base.settings import Settings
from rossmann_ml.forecasting.taken_back import take_back_runs
from rossmann_ml.warehouse.connection import connect

NEWEST = ORIGINS[-1]


def origins_left(settings: Settings) -> set[tuple[object, ...]]:
    with connect(settings) as connection:
        return {
            tuple(sorted(str(origin) for (origin,) in connection.execute(query).fetchall()))
            for query in (
                "SELECT DISTINCT forecast_origin FROM forecasting.forecasts",
                "SELECT DISTINCT forecast_origin FROM forecasting.forecast_drivers",
                "SELECT DISTINCT forecast_origin FROM forecasting.forecast_runs",
                "SELECT DISTINCT forecast_origin FROM forecasting.stores_not_forecast",
            )
        }


def test_forecasts_of_an_origin_that_no_longer_exists_are_taken_back(
    small_warehouse: Settings,
) -> None:
    ahead = add_week(small_warehouse)
    with connect(small_warehouse) as connection:
        taken = take_back_runs(connection, origin=NEWEST, data_version="d")
        rows = connection.execute(
            "SELECT run_id, forecast_origin, reason FROM forecasting.runs_taken_back"
        ).fetchall()
    assert taken == [f"weekly-{ahead}"]
    assert rows == [
        (f"weekly-{ahead}", ahead, f"its origin is after the newest complete day, {NEWEST}")
    ]
    assert origins_left(small_warehouse) == {tuple(map(str, ORIGINS))}


def test_forecasts_of_the_newest_origin_that_used_a_withdrawn_file_are_taken_back(
    small_warehouse: Settings,
) -> None:
    with connect(small_warehouse) as connection:
        connection.execute(
            "UPDATE raw.loads SET loaded_at = ?, withdrawn_on = ?, withdrawn_at = ?, "
            "withdrawn_because = 'withdrawn by ann: wrong'",
            [datetime(2015, 8, 2), NEWEST, datetime(2015, 8, 4)],
        )
        # the same data would give the same forecasts
        assert take_back_runs(connection, origin=NEWEST, data_version="d") == []
        taken = take_back_runs(connection, origin=NEWEST, data_version="other")
        ((reason,),) = connection.execute(
            "SELECT reason FROM forecasting.runs_taken_back"
        ).fetchall()
    assert taken == [f"weekly-{NEWEST}"]
    assert reason == "it used load_1.csv (withdrawn by ann: wrong)"
    assert origins_left(small_warehouse) == {tuple(map(str, ORIGINS[:-1]))}


def test_nothing_is_taken_back_while_all_files_are_in_force(small_warehouse: Settings) -> None:
    with connect(small_warehouse) as connection:
        assert take_back_runs(connection, origin=NEWEST, data_version="other") == []
