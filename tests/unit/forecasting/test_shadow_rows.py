"""Shadow forecasts: the choice of the challenger, stored rows, difference to the champion.

See the docstrings of :mod:`rossmann_ml.forecasting.shadow` for the definitions.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import duckdb
import pytest
from support.memory_warehouse import fill_core, kept, let_pass, memory_warehouse
from support.rule_bundle import RuleBundle
from support.tiny_chain import ORIGIN, tiny_frames

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.settings import PROJECT_DIR, Settings
from rossmann_ml.forecasting import shadow
from rossmann_ml.forecasting.score import build_scoring_panel, score_newest_origin
from rossmann_ml.forecasting.shadow import ShadowReport, score_shadow, shadow_challenger
from rossmann_ml.models.bundle import Bundle
from rossmann_ml.warehouse.session import Session

PROMOTED = datetime(2015, 3, 21, 6)
SECOND = timedelta(seconds=1)
Place = tuple[Settings, duckdb.DuckDBPyConnection]


@cache
def params_with(*, is_wanted: bool = True) -> Params:
    params = load_params(PROJECT_DIR / "params.yaml")
    forecast = params.forecast.model_copy(
        update={"horizon_days": 5, "shadow_challenger": is_wanted}
    )
    return params.model_copy(update={"forecast": forecast})


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Return a warehouse scored by the champion; a bundle ``x-3`` forecasts three times as much."""

    def load(folder: Path, version: str, *, threads: int) -> RuleBundle:
        if version.endswith("broken"):
            raise NoDataError("the bundle is incomplete")
        return RuleBundle(version, factor=float(version.split("-")[1]))

    folder = tmp_path_factory.mktemp("shadow")
    with (
        pytest.MonkeyPatch.context() as patch,
        memory_warehouse(patch, folder) as (settings, connection),
    ):
        patch.setattr(Bundle, "load", load)
        fill_core(connection, tiny_frames(history_days=60), origin=ORIGIN)
        decide(connection, 1, "promoted", "champion-1", PROMOTED)
        build_scoring_panel(Session(settings, params_with()))
        score_newest_origin(Session(settings), run_id="run-1")
        yield settings, connection


@pytest.fixture
def place(scored: Place) -> Iterator[Place]:
    """Yield that warehouse, and restore it afterwards."""
    settings, connection = scored
    tables = ("forecasts", "shadow_forecasts", "promotions", "model_versions")
    with kept(connection, *(f"forecasting.{table}" for table in tables)):
        yield scored
    shutil.rmtree(settings.models_path, ignore_errors=True)


def decide(
    connection: duckdb.DuckDBPyConnection, number: int, action: str, version: str, at: datetime
) -> None:
    connection.execute(
        "INSERT INTO forecasting.promotions VALUES (?, ?, ?, ?, NULL, 'test', '', '{}', true)",
        [number, at, action, version],
    )


def register(place: Place, version: str, at: datetime, *, number: str = "1") -> None:
    """Register a trained model, with its folder."""
    settings, connection = place
    connection.execute(
        """
        INSERT INTO forecasting.model_versions BY NAME
        SELECT $version AS model_version, 'blend' AS family, 'fast' AS profile,
            '' AS recipe_hash, '' AS recipe, '' AS blend_weights,
            DATE '2015-03-20' AS trained_through, '' AS data_version, '' AS code_version,
            '' AS git_commit, '' AS mlflow_run_id,
            $number AS registry_version, 0 AS training_rows, 0 AS rmspe_median,
            0 AS rmspe_mean, 0 AS rmspe_spread, 0 AS training_seconds, $at AS created_at
        """,
        {"version": version, "number": number, "at": at},
    )
    (settings.models_path / version).mkdir(parents=True)


def score(place: Place, **options: bool) -> ShadowReport:
    return score_shadow(Session(place[0], params_with(**options)))


def stored(place: Place) -> list[tuple]:
    return (
        place[1]
        .execute(
            "SELECT model_version, run_id, count(*), sum(sales_forecast) "
            "FROM forecasting.shadow_forecasts GROUP BY ALL ORDER BY ALL"
        )
        .fetchall()
    )


def test_the_newest_model_after_the_champions_promotion_runs_in_shadow(place: Place) -> None:
    settings, connection = place
    assert shadow_challenger(connection, settings) is None
    register(place, "older-2", PROMOTED - SECOND)
    register(place, "same-2", PROMOTED)  # at the promotion, not after it
    assert shadow_challenger(connection, settings) is None
    register(place, "b-2", PROMOTED + SECOND)
    register(place, "a-2", PROMOTED + SECOND)  # registered together: the first by name
    assert shadow_challenger(connection, settings) == "a-2"
    register(place, "newest-2", PROMOTED + 2 * SECOND)
    assert shadow_challenger(connection, settings) == "newest-2"


def test_an_unregistered_model_and_one_without_files_do_not_count(place: Place) -> None:
    settings, connection = place
    register(place, "usable-2", PROMOTED + SECOND)
    register(place, "unregistered-2", PROMOTED + 2 * SECOND, number="")
    register(place, "gone-2", PROMOTED + 3 * SECOND)
    (settings.models_path / "gone-2").rmdir()
    assert shadow_challenger(connection, settings) == "usable-2"


def test_a_refused_challenger_stays_one_and_a_promoted_one_is_champion(place: Place) -> None:
    settings, connection = place
    register(place, "first-2", PROMOTED + SECOND)
    decide(connection, 2, "refused", "first-2", PROMOTED + 2 * SECOND)
    assert shadow_challenger(connection, settings) == "first-2"
    register(place, "second-2", PROMOTED + 3 * SECOND)
    decide(connection, 3, "promoted", "second-2", PROMOTED + 4 * SECOND)
    assert shadow_challenger(connection, settings) is None
    # the decision with the highest number counts; the champion is never a challenger
    decide(connection, 4, "rolled_back", "second-2", PROMOTED)
    assert shadow_challenger(connection, settings) == "first-2"


def test_without_a_champion_there_is_no_challenger(place: Place) -> None:
    settings, connection = place
    register(place, "first-2", PROMOTED + SECOND)
    connection.execute("DELETE FROM forecasting.promotions")
    assert shadow_challenger(connection, settings) is None


def test_its_rows_are_of_the_champions_panel_and_run(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_pass(monkeypatch, shadow, 250.0)
    register(place, "challenger-3", PROMOTED + SECOND)
    told: list[str] = []
    report = score_shadow(Session(place[0], params_with(), progress=told.append))
    rows = (
        place[1]
        .execute(
            """
        SELECT s.sales_forecast, 3 * f.sales_forecast, s.plan_source = f.plan_source,
            s.run_id, s.model_version
        FROM forecasting.shadow_forecasts AS s
        FULL JOIN forecasting.forecasts AS f USING (forecast_origin, store_id, target_date)
        """
        )
        .fetchall()
    )
    assert len(rows) == 15
    for challengers, tripled, *others in rows:
        assert challengers == tripled
        assert others == [True, "run-1", "challenger-3"]
    assert told == [f"shadow forecasts from {ORIGIN} by challenger-3"]
    # three times the champion's sum, minus 1
    assert report == ShadowReport(
        ORIGIN, "challenger-3", 15, pytest.approx(2.0), is_new=True, reason="",
        seconds=250.0,
    )  # fmt: skip


def test_the_difference_is_over_the_rows_that_both_have(place: Place) -> None:
    register(place, "challenger-3", PROMOTED + SECOND)
    score(place)
    place[1].execute("DELETE FROM forecasting.forecasts WHERE horizon_days > 2")
    place[1].execute("UPDATE forecasting.forecasts SET sales_forecast = 8")
    shadows = place[1].execute(
        "SELECT sum(sales_forecast) FROM forecasting.shadow_forecasts WHERE horizon_days <= 2"
    ).fetchall()[0][0]  # fmt: skip
    report = score(place)
    assert not report.is_new
    assert report.store_days == 6
    assert report.difference_share == pytest.approx(shadows / 48 - 1)
    # no row in common: no difference is known
    place[1].execute("UPDATE forecasting.forecasts SET store_id = store_id + 100")
    nothing = score(place)
    assert (nothing.store_days, nothing.difference_share) == (0, 0.0)


def test_nothing_is_stored_again_until_the_champion_scored_again(place: Place) -> None:
    register(place, "challenger-3", PROMOTED + SECOND)
    assert score(place).is_new
    before = stored(place)
    again = score(place)
    assert (again.is_new, again.store_days) == (False, 15)
    assert stored(place) == before
    place[1].execute("UPDATE forecasting.forecasts SET run_id = 'run-2'")
    assert score(place).is_new
    assert [row[:3] for row in stored(place)] == [("challenger-3", "run-2", 15)]


def test_rows_of_an_earlier_challenger_and_of_other_origins_stay(place: Place) -> None:
    register(place, "challenger-3", PROMOTED + SECOND)
    score(place)
    place[1].execute(
        "INSERT INTO forecasting.shadow_forecasts SELECT * REPLACE (forecast_origin - 7 AS "
        "forecast_origin, 'older' AS run_id) FROM forecasting.shadow_forecasts"
    )
    register(place, "later-2", PROMOTED + 2 * SECOND)
    assert score(place).is_new
    found = [row[:3] for row in stored(place)]
    assert found == [
        ("challenger-3", "older", 15), ("challenger-3", "run-1", 15), ("later-2", "run-1", 15),
    ]  # fmt: skip


def test_without_a_shadow_forecast_the_report_contains_the_reason(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        let_pass(patch, shadow, 250.0)
        report = score(place)
    assert report.seconds == 250.0
    assert report.reason == "no challenger is newer than the champion's promotion"
    register(place, "broken", PROMOTED + SECOND)
    broken = score(place)
    assert broken.reason == "broken cannot score: the bundle is incomplete"
    off = score(place, is_wanted=False)
    assert off.reason == "forecast.shadow_challenger is false"
    for nothing in (report, broken, off):
        assert (nothing.model_version, nothing.store_days, nothing.difference_share) == (None, 0, 0)
        assert (nothing.is_new, nothing.forecast_origin) == (False, ORIGIN)
    assert stored(place) == []


def test_a_challenger_needs_forecasts_to_be_compared_with(place: Place) -> None:
    register(place, "challenger-3", PROMOTED + SECOND)
    place[1].execute("DELETE FROM forecasting.forecasts")
    with pytest.raises(NoDataError, match=f"no forecasts of the origin {ORIGIN}"):
        score(place)
