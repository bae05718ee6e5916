"""A challenger in shadow forecasts next to the champion, and no served forecast changes."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable

import duckdb
import pytest
from support.chain import small_params
from support.refreshed import Refreshed

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.forecasting.shadow import ShadowReport, score_shadow
from rossmann_ml.models.bundle_files import name_files
from rossmann_ml.publish.publishing import publish
from rossmann_ml.warehouse.session import Session

pytestmark = pytest.mark.integration

SHADOW = "SELECT * FROM forecasting.shadow_forecasts ORDER BY ALL"
SERVED = [
    f"SELECT * FROM forecasting.{table} ORDER BY ALL"
    for table in ("forecasts", "forecast_history", "forecast_runs", "total_intervals", "promotions")
]


@pytest.fixture
def place(copy_of_refreshed: Callable[[], Refreshed]) -> Refreshed:
    return copy_of_refreshed()


def plant_challenger(place: Refreshed, name: str, *, hours_later: int = 1) -> str:
    """Enter a model like the champion, trained after the champion's promotion.

    Its bias factor is larger, so that its forecasts differ.

    Returns:
        Its version: the name and a hash.
    """
    models = place.settings.models_path
    ((champion,),) = place.rows("SELECT model_version FROM forecasting.promotions")
    shutil.copytree(models / champion, models / name)
    calibration = models / name / "calibration.json"
    values = json.loads(calibration.read_text(encoding="utf-8"))
    values["log_shift"] += 0.03
    calibration.write_text(json.dumps(values), encoding="utf-8")
    version = f"{name}-{name_files(models / name)}"
    (models / name).rename(models / version)
    place.execute(
        f"""
        INSERT INTO forecasting.model_versions
        SELECT * REPLACE ('{version}' AS model_version,
            (SELECT max(decided_at) FROM forecasting.promotions)
                + INTERVAL ({hours_later}) HOUR AS created_at)
        FROM forecasting.model_versions WHERE model_version = '{champion}'
        """
    )
    return version


def score(place: Refreshed, *, is_wanted: bool = True) -> ShadowReport:
    params = small_params()
    forecast = params.forecast.model_copy(update={"shadow_challenger": is_wanted})
    return score_shadow(Session(place.settings, params.model_copy(update={"forecast": forecast})))


def test_without_a_challenger_nothing_runs_in_shadow(refreshed: Refreshed):
    assert refreshed.rows(SHADOW) == []


def test_the_weekly_job_scores_a_planted_challenger_and_serves_what_it_served(place: Refreshed):
    challenger = plant_challenger(place, "challenger")
    before = [place.rows(query) for query in SERVED]
    result, undone = place.run("weekly_refresh")
    assert result.success
    assert undone == []
    assert [place.rows(query) for query in SERVED] == before
    with duckdb.connect(
        str(place.settings.published_path / place.current), read_only=True
    ) as published:
        ((rows, models, difference),) = published.execute(
            """
            SELECT count(*), list(DISTINCT s.model_version),
                sum(s.sales_forecast) / sum(f.sales_forecast)
            FROM shadow_forecasts AS s
            JOIN latest_forecasts AS f USING (store_id, target_date, run_id)
            """
        ).fetchall()
        assert published.execute(
            f"SELECT count(*) FROM latest_forecasts WHERE model_version = '{challenger}'"
        ).fetchall() == [(0,)]
    assert (rows, models) == (40 * 42, [challenger])
    assert difference == pytest.approx(math.exp(0.03))


def test_the_same_panel_is_scored_once_and_a_newer_run_replaces_the_rows(place: Refreshed):
    plant_challenger(place, "challenger")
    first, again = score(place), score(place)
    assert (first.is_new, again.is_new) == (True, False)
    assert first.store_days == again.store_days == 40 * 42
    assert first.difference_share == pytest.approx(math.exp(0.03) - 1)
    place.execute("UPDATE forecasting.forecasts SET run_id = 'a later run'")
    assert score(place).is_new
    assert place.rows("SELECT DISTINCT run_id FROM forecasting.shadow_forecasts") == [
        ("a later run",)
    ]


def test_a_shadow_alone_is_content_that_is_published(place: Refreshed):
    plant_challenger(place, "challenger")
    before = publish(Session(place.settings, small_params()), run_id="before")
    score(place)
    after = publish(Session(place.settings, small_params()), run_id="after")
    assert after.generation_id != before.generation_id
    assert not publish(Session(place.settings, small_params()), run_id="again").is_new


def test_the_newest_challenger_with_a_bundle_runs_and_older_models_do_not(place: Refreshed):
    plant_challenger(place, "before-the-champion", hours_later=-1)
    assert score(place).model_version is None
    older = plant_challenger(place, "older")
    newer = plant_challenger(place, "newer", hours_later=2)
    assert score(place).model_version == newer
    shutil.rmtree(place.settings.models_path / newer)
    assert score(place).model_version == older


def test_a_challenger_that_cannot_score_is_passed_over_with_the_reason(place: Refreshed):
    broken = plant_challenger(place, "broken")
    (place.settings.models_path / broken / "bundle.json").unlink()
    report = score(place)
    assert report.model_version is None
    assert f"{broken} cannot score: the bundle of model {broken} is damaged" in report.reason
    assert place.rows(SHADOW) == []


def test_a_parameter_turns_it_off(place: Refreshed):
    plant_challenger(place, "challenger")
    report = score(place, is_wanted=False)
    assert report.reason == "forecast.shadow_challenger is false"
    assert place.rows(SHADOW) == []


def test_without_forecasts_to_stand_beside_the_refusal_says_so(place: Refreshed):
    plant_challenger(place, "challenger")
    place.execute("DELETE FROM forecasting.forecasts")
    with pytest.raises(NoDataError, match="no forecasts of the origin 2015-06-19"):
        score(place)
