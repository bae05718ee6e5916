"""Stored drivers: computed once for the forecasts in force, and checked against them.

See the docstrings of :mod:`rossmann_ml.forecasting.drivers.record` for the definitions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from functools import cache

import duckdb
import numpy as np
import polars as pl
import pytest
from support.memory_warehouse import fill_core, kept, let_pass, memory_warehouse
from support.rule_bundle import DAILY, TOTALS
from support.tiny_chain import ORIGIN, tiny_frames

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.settings import PROJECT_DIR, Settings
from rossmann_ml.features.inputs import read_inputs
from rossmann_ml.features.panel import feature_names
from rossmann_ml.features.panels import read_scoring_panel
from rossmann_ml.forecasting.drivers import record
from rossmann_ml.forecasting.drivers.attribution import explain
from rossmann_ml.forecasting.drivers.record import DriversReport, explain_newest_origin
from rossmann_ml.forecasting.drivers.typical_day import TypicalDay
from rossmann_ml.forecasting.score import build_scoring_panel, score_newest_origin
from rossmann_ml.models.base import log_base
from rossmann_ml.models.blend import Blend
from rossmann_ml.models.bundle import Bundle, BundleMetadata
from rossmann_ml.models.categories import Categories
from rossmann_ml.warehouse.session import Session

Place = tuple[Settings, duckdb.DuckDBPyConnection]
GROUPS = ("weekday", "promo", "holidays", "season", "trend", "competition")
LOG_SHIFT = DAILY.log_shift


@cache
def params_of(*, vintages: int = 60) -> Params:
    params = load_params(PROJECT_DIR / "params.yaml")
    update = {"horizon_days": 5, "vintages_published": vintages}
    return params.model_copy(update={"forecast": params.forecast.model_copy(update=update)})


class LinearModel:
    """A model whose departures grow by a small value per day of the horizon."""

    categories = Categories({"state": ["BY", "HE"]})

    def predict_departures(self, panel: pl.DataFrame) -> np.ndarray:
        return 0.01 * panel["horizon_days"].cast(pl.Float64).to_numpy()


def bundle(version: str) -> Bundle:
    params = params_of()
    features = feature_names(params.features)
    metadata = BundleMetadata("blend", "2015-03-20", features, {}, "fast", 5)
    blend = Blend({"rule": LinearModel()}, {"rule": 1.0})  # type: ignore[dict-item]
    return Bundle(blend, DAILY, TOTALS, metadata, version)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Return a warehouse whose newest origin is scored."""
    folder = tmp_path_factory.mktemp("drivers")
    with (
        pytest.MonkeyPatch.context() as patch,
        memory_warehouse(patch, folder) as (settings, connection),
    ):
        patch.setattr(Bundle, "load", lambda folder, version, *, threads: bundle(version))
        fill_core(connection, tiny_frames(history_days=90), origin=ORIGIN)
        connection.execute(
            "INSERT INTO forecasting.promotions VALUES "
            "(1, now()::TIMESTAMP, 'promoted', 'linear-1', NULL, 'a test', '', '{}', true)"
        )
        build_scoring_panel(Session(settings, params_of()))
        score_newest_origin(Session(settings), run_id="run-1")
        yield settings, connection


@pytest.fixture
def place(scored: Place) -> Iterator[Place]:
    """Yield that warehouse, and restore it afterwards."""
    tables = ("forecasting.forecasts", "forecasting.forecast_drivers", "features.scoring_panel")
    with kept(scored[1], *tables):
        yield scored


def stored(place: Place) -> pl.DataFrame:
    return place[1].sql("SELECT * FROM forecasting.forecast_drivers ORDER BY ALL").pl()


def put_older(place: Place, *days: int, drivers: bool = True) -> None:
    """Store forecasts and drivers of origins the given numbers of days before the newest."""
    tables = ["forecasts", "forecast_drivers"] if drivers else ["forecasts"]
    for table in tables:
        for back in days:
            place[1].execute(
                f"INSERT INTO forecasting.{table} SELECT * REPLACE ("
                f"forecast_origin - {back} AS forecast_origin) "
                f"FROM forecasting.{table} WHERE forecast_origin = DATE '{ORIGIN}'"
            )


def test_the_drivers_of_the_scored_panel_are_stored(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_pass(monkeypatch, record, 250.0)
    settings, connection = place
    told: list[str] = []
    report = explain_newest_origin(Session(settings, params_of(), progress=told.append))
    assert told == [f"drivers of the forecasts from {ORIGIN} by linear-1"]
    panel = read_scoring_panel(connection, ORIGIN)
    inputs = read_inputs(connection, params_of(), forecast_origin=ORIGIN)
    horizon = panel.filter("is_open")["horizon_days"].cast(pl.Float64).to_numpy()
    expected = explain(
        panel,
        TypicalDay.of(inputs.features, forecast_origin=ORIGIN, horizon_days=5),
        lambda rows: log_base(rows) + LinearModel().predict_departures(rows),
        features=bundle("linear-1").metadata.features,
        # every store departs alike, so its day's mean is its own departure
        log_shift=LOG_SHIFT - 0.01 * horizon,
    ).with_columns(model_version=pl.lit("linear-1"), run_id=pl.lit("run-1"))
    found = stored(place)
    assert found.equals(expected.select(found.columns).sort(found.columns))
    means = {
        group: round(math.fsum(map(abs, found[f"{group}_log"])) / len(found), 6) for group in GROUPS
    }
    open_days = int(panel["is_open"].sum())
    assert report == DriversReport(
        ORIGIN, "run-1", "linear-1", open_days, pytest.approx(means, abs=1.01e-6),
        is_new=True, seconds=250.0,
    )  # fmt: skip
    assert all(round(mean, 6) == mean for mean in report.mean_absolute_log.values())
    assert report.mean_absolute_log["trend"] > 0


def test_forecasts_are_explained_once_and_again_after_they_were_scored_again(
    place: Place,
) -> None:
    settings, connection = place
    first = explain_newest_origin(Session(settings, params_of()))
    before = stored(place)
    again = explain_newest_origin(Session(settings, params_of()))
    assert (first.is_new, again.is_new) == (True, False)
    assert again.mean_absolute_log == first.mean_absolute_log
    assert again.store_days == first.store_days
    assert stored(place).equals(before)
    connection.execute("UPDATE forecasting.forecasts SET run_id = 'run-2'")
    assert explain_newest_origin(Session(settings, params_of())).is_new
    assert stored(place).equals(before.with_columns(run_id=pl.lit("run-2")))


@pytest.mark.parametrize(("vintages", "kept"), [(1, [0]), (2, [0, 7]), (3, [0, 7, 14])])
def test_drivers_of_origins_that_are_no_longer_published_are_deleted(
    place: Place, vintages: int, kept: list[int]
) -> None:
    settings, connection = place
    explain_newest_origin(Session(settings, params_of()))
    put_older(place, 7, 14)
    connection.execute("UPDATE forecasting.forecasts SET run_id = 'run-2'")
    explain_newest_origin(Session(settings, params_of(vintages=vintages)))
    found = stored(place)["forecast_origin"].unique().sort(descending=True).to_list()
    assert found == [ORIGIN - timedelta(days=days) for days in kept]


@pytest.mark.parametrize("factor", [1 + 1.1e-9, 1 - 1.1e-9])
def test_drivers_that_do_not_add_up_to_the_stored_forecast_are_refused(
    place: Place, factor: float
) -> None:
    settings, connection = place
    connection.execute(
        f"UPDATE forecasting.forecasts SET sales_forecast = sales_forecast * {factor} "
        "WHERE store_id = 5 AND horizon_days = 4 AND is_open"
    )
    day = ORIGIN + timedelta(days=4)
    with pytest.raises(NoDataError, match=rf"store 5 on {day} add up to \d+\.\d{{4}}, its"):
        explain_newest_origin(Session(settings, params_of()))
    assert stored(place).is_empty()


def test_a_difference_of_a_billionth_to_the_stored_forecast_is_accepted(place: Place) -> None:
    settings, connection = place
    connection.execute(
        "UPDATE forecasting.forecasts SET sales_forecast = sales_forecast * (1 + 9e-10)"
    )
    assert explain_newest_origin(Session(settings, params_of())).is_new


def test_a_forecast_without_drivers_is_refused(place: Place) -> None:
    settings, connection = place
    build_scoring_panel(Session(settings, params_of()))
    connection.execute("DELETE FROM features.scoring_panel WHERE store_id = 9 AND is_open")
    with pytest.raises(NoDataError, match=r"store 9 on .* add up to nothing"):
        explain_newest_origin(Session(settings, params_of()))


def test_drivers_of_a_day_that_was_not_forecast_as_open_are_refused(place: Place) -> None:
    settings, connection = place
    connection.execute("UPDATE forecasting.forecasts SET is_open = false WHERE store_id = 9")
    with pytest.raises(NoDataError, match=r"store 9 on .* its forecast is None"):
        explain_newest_origin(Session(settings, params_of()))


def test_an_origin_that_is_not_scored_has_no_drivers(place: Place) -> None:
    settings, connection = place
    connection.execute("DELETE FROM forecasting.forecasts")
    with pytest.raises(NoDataError, match=f"no forecasts of the origin {ORIGIN}"):
        explain_newest_origin(Session(settings, params_of()))
