"""Drivers in the weekly job: what is stored, repeated, replaced and refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from support.chain import small_params
from support.refreshed import Refreshed

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.forecasting.drivers.record import DriversReport, explain_newest_origin
from rossmann_ml.forecasting.score import score_newest_origin
from rossmann_ml.serving.generations import open_generation
from rossmann_ml.warehouse.session import Session

pytestmark = pytest.mark.integration

NEWEST_ORIGIN = date(2015, 6, 19)
DRIVERS = "SELECT * FROM forecasting.forecast_drivers ORDER BY ALL"


@pytest.fixture
def place(copy_of_refreshed: Callable[[], Refreshed]) -> Refreshed:
    return copy_of_refreshed()


def explain(place: Refreshed, vintages: int = 60) -> DriversReport:
    params = small_params()
    forecast = params.forecast.model_copy(update={"vintages_published": vintages})
    return explain_newest_origin(
        Session(place.settings, params.model_copy(update={"forecast": forecast}))
    )


def test_the_weekly_job_explains_every_open_day_and_publishes_it(refreshed: Refreshed):
    with open_generation(refreshed.settings.published_path / refreshed.current) as connection:
        unexplained, explained, worst = connection.execute(
            """
            SELECT count(*) FILTER (d.store_id IS NULL), count(d.store_id),
                max(abs(ln(f.sales_forecast) - (level_log + weekday_log + promo_log + holidays_log
                    + season_log + trend_log + competition_log + bias_factor_log)))
            FROM latest_forecasts AS f
            LEFT JOIN forecast_drivers AS d USING (forecast_origin, store_id, target_date)
            WHERE f.is_open
            """
        ).fetchall()[0]
    assert unexplained == 0
    assert explained > 1000
    assert worst < 1e-9


def test_the_same_forecasts_are_explained_once(place: Refreshed):
    before = place.rows(DRIVERS)
    report = explain(place)
    assert not report.is_new
    assert report.store_days == len(before)
    assert place.rows(DRIVERS) == before


def test_explaining_again_what_was_lost_gives_the_same_to_the_last_bit(place: Refreshed):
    before = place.rows(DRIVERS)
    place.execute("DELETE FROM forecasting.forecast_drivers")
    report = explain(place)
    assert report.is_new
    assert report.forecast_origin == NEWEST_ORIGIN
    assert max(report.mean_absolute_log, key=report.mean_absolute_log.__getitem__) == "promo"
    assert place.rows(DRIVERS) == before


def test_forecasts_that_are_scored_anew_lose_their_drivers_until_they_are_explained(
    place: Refreshed,
):
    place.execute("UPDATE forecasting.forecast_runs SET input_hash = 'of another model'")
    score_newest_origin(Session(place.settings), run_id="again")
    assert place.rows(DRIVERS) == []
    report = explain(place)
    assert report.is_new
    assert report.run_id == "again"


def test_drivers_of_origins_that_are_no_longer_published_go(place: Refreshed):
    move = "UPDATE forecasting.{} SET forecast_origin = DATE '2015-06-12'"
    for table in ("forecasts", "forecast_drivers"):
        place.execute(
            f"CREATE TABLE old AS SELECT * FROM forecasting.{table}",
            move.format(table),
            f"INSERT INTO forecasting.{table} SELECT * FROM old",
            "DROP TABLE old",
        )
    origins = "SELECT DISTINCT forecast_origin FROM forecasting.forecast_drivers ORDER BY 1"
    newest = f"DELETE FROM forecasting.forecast_drivers WHERE forecast_origin = '{NEWEST_ORIGIN}'"
    place.execute(newest)
    explain(place, vintages=2)
    assert len(place.rows(origins)) == 2
    place.execute(newest)
    explain(place, vintages=1)
    assert place.rows(origins) == [(NEWEST_ORIGIN,)]


def test_a_forecast_that_is_not_the_models_is_not_explained(place: Refreshed):
    place.execute(
        "DELETE FROM forecasting.forecast_drivers",
        "UPDATE forecasting.forecasts SET sales_forecast = sales_forecast * 1.01 "
        "WHERE store_id = 7 AND horizon_days = 3",
    )
    with pytest.raises(NoDataError, match=r"store 7 on 2015-06-22 add up to .*, its forecast is"):
        explain(place)
    assert place.rows(DRIVERS) == []


def test_a_store_that_has_a_forecast_and_no_row_in_the_panel_is_named(place: Refreshed):
    place.execute(
        "DELETE FROM forecasting.forecast_drivers",
        "DELETE FROM features.scoring_panel WHERE store_id = 8",
    )
    with pytest.raises(NoDataError, match=r"store 8 on .* add up to nothing"):
        explain(place)


def test_without_forecasts_or_panel_the_refusal_says_what_to_do(place: Refreshed):
    place.execute("DELETE FROM forecasting.forecast_drivers", "DELETE FROM features.panel_builds")
    with pytest.raises(NoDataError, match="scoring_panel is not built"):
        explain(place)
    place.execute("DELETE FROM forecasting.forecasts")
    with pytest.raises(NoDataError, match="no forecasts of the origin 2015-06-19"):
        explain(place)
