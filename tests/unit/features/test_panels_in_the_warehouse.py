"""Panels in the warehouse: built, stored with their versions, and read.

See the docstrings of :mod:`rossmann_ml.features.panels` and the attributes of ``PanelReport`` for
the definitions.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache

import duckdb
import pytest
from polars.testing import assert_frame_equal
from support.memory_warehouse import fill_core, kept, let_pass, memory_warehouse
from support.rule_bundle import RuleBundle
from support.tiny_chain import ORIGIN, tiny_frames

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.settings import PROJECT_DIR, Settings
from rossmann_ml.features import panels
from rossmann_ml.features.inputs import read_inputs
from rossmann_ml.features.panel import scoring_panel, training_panel
from rossmann_ml.features.panels import (
    build_training_panel,
    panel_of,
    read_scoring_panel,
    read_training_panel,
)
from rossmann_ml.forecasting import score as forecasting
from rossmann_ml.forecasting.score import build_scoring_panel, panel_to_score, score_newest_origin
from rossmann_ml.models.bundle import Bundle
from rossmann_ml.warehouse.session import Session

DAY = timedelta(days=1)
HISTORY_DAYS = 120
Place = tuple[Settings, duckdb.DuckDBPyConnection]


@cache
def small_params(*, min_history_days: int = 60, step_days: int = 14, origins: int = 3) -> Params:
    """Return parameters with a horizon of five days and training origins within four months."""
    values = load_params(PROJECT_DIR / "params.yaml").model_dump()
    values["training"]["min_history_days"] = min_history_days
    for profile in values["training"]["profiles"].values():
        profile |= {
            "origin_step_days": step_days,
            "max_origins": origins,
            "rows_share": 1.0,
            "backtest_origins_back_days": [step_days],
        }
    params = Params.model_validate(values)
    # shorter than the product allows, to keep the tables small
    forecast = params.forecast.model_copy(update={"horizon_days": 5})
    return params.model_copy(update={"forecast": forecast})


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("panels")
    with (
        pytest.MonkeyPatch.context() as patch,
        memory_warehouse(patch, folder) as (settings, connection),
    ):
        fill_core(connection, tiny_frames(history_days=HISTORY_DAYS), origin=ORIGIN)
        yield settings, connection


@pytest.fixture
def place(filled: Place) -> Iterator[Place]:
    """Yield a warehouse with core tables and no panels, and restore it afterwards."""
    tables = ("core.horizon_plan", "features.panel_builds", "forecasting.promotions",
              "forecasting.forecasts", "forecasting.forecast_runs")  # fmt: skip
    with kept(filled[1], *tables):
        yield filled


def builds(connection: duckdb.DuckDBPyConnection) -> list[tuple]:
    return connection.execute(
        "SELECT panel, forecast_origin, profile, code_version, panel_rows "
        "FROM features.panel_builds ORDER BY panel"
    ).fetchall()


# the days to forecast


def test_the_scoring_panel_is_that_of_the_newest_origin_and_says_so(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_pass(monkeypatch, forecasting, 250.0)
    monkeypatch.setattr(panels, "time", forecasting.time)
    settings, connection = place
    report = build_scoring_panel(Session(settings, small_params()))
    panel = read_scoring_panel(connection, ORIGIN)
    inputs = read_inputs(connection, small_params(), forecast_origin=ORIGIN)
    assert_frame_equal(panel, panel_to_score(inputs, small_params()), check_dtypes=False)
    assert (report.forecast_origin, report.origins, report.rows) == (ORIGIN, 1, 15)
    # all columns except keys and what is no feature; the horizon is a feature
    others = {"forecast_origin", "store_id", "target_date", "is_open", "plan_source"}
    assert report.features == len(set(panel.columns) - others)
    assert report.seconds == 250.0
    assert builds(connection) == [("scoring_panel", ORIGIN, None, "a-code", 15)]


def test_a_scoring_panel_of_another_origin_is_refused(place: Place) -> None:
    settings, connection = place
    with pytest.raises(NoDataError, match=f"not built for the origin {ORIGIN}"):
        read_scoring_panel(connection, ORIGIN)
    build_scoring_panel(Session(settings, small_params()))
    with pytest.raises(NoDataError, match=f"not built for the origin {ORIGIN + DAY}"):
        read_scoring_panel(connection, ORIGIN + DAY)


def test_the_newest_origin_is_scored_by_the_champion_as_known_on_the_products_today(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, connection = place
    build_scoring_panel(Session(settings, small_params()))
    with pytest.raises(NoDataError):
        score_newest_origin(Session(settings), run_id="run-1")
    connection.execute(
        "INSERT INTO forecasting.promotions VALUES "
        "(1, now()::TIMESTAMP, 'promoted', 'rule-1', NULL, 'a test', '', '{}', true)"
    )
    monkeypatch.setattr(Bundle, "load", lambda folder, version, *, threads: RuleBundle(version))
    settings = settings.model_copy(update={"as_of": date(2015, 3, 23)})
    told: list[str] = []
    report = score_newest_origin(Session(settings, progress=told.append), run_id="run-1")
    assert (report.stores, report.store_days, report.assumed_store_days) == (3, 15, 0)
    assert told == [f"forecasts from {ORIGIN} by rule-1"]
    run = "SELECT run_kind, known_by, stores_not_forecast FROM forecasting.forecast_runs"
    assert connection.execute(run).fetchall() == [("weekly", date(2015, 3, 23), 0)]


# what models learn from


@pytest.mark.parametrize(
    ("min_history_days", "count", "back_days"),
    [
        # sales begin 119 days before the origin: a training origin 42 days earlier has 77 before it
        (77, 9, [42, 28, 14]),
        (78, 9, [28, 14]),
        (60, 2, [28, 14]),
        (105, 9, [14]),
    ],
)
def test_training_origins_go_back_by_steps_as_far_as_history_and_profile_allow(
    place: Place, min_history_days: int, count: int, back_days: list[int]
) -> None:
    _, connection = place
    params = small_params(min_history_days=min_history_days, origins=count)
    inputs = read_inputs(connection, params, forecast_origin=ORIGIN)
    panel, origins = panel_of(inputs, params, "fast")
    assert origins == [ORIGIN - timedelta(days=days) for days in back_days]
    assert panel["forecast_origin"].unique().sort().to_list() == origins


def test_too_little_history_names_what_is_needed(place: Place) -> None:
    _, connection = place
    params = small_params(min_history_days=106)
    inputs = read_inputs(connection, params, forecast_origin=ORIGIN)
    first = ORIGIN - timedelta(days=HISTORY_DAYS - 1)
    with pytest.raises(NoDataError, match=rf"begin on {first}, .*fast.origin_step_days = 120 days"):
        panel_of(inputs, params, "fast")


def test_training_rows_are_the_open_days_with_sales_up_to_the_origin(place: Place) -> None:
    """The target of a row is the store's sales on its day, and no day is after the origin."""
    _, connection = place
    params = small_params(step_days=3, origins=2, min_history_days=60)
    inputs = read_inputs(connection, params, forecast_origin=ORIGIN)
    panel, _ = panel_of(inputs, params, "fast")
    sold = {(store, day): sales for store, day, sales in inputs.history.rows() if sales > 0}
    expected = [
        (origin, store, origin + timedelta(days=days), sold[store, origin + timedelta(days=days)])
        for origin in (ORIGIN - 6 * DAY, ORIGIN - 3 * DAY)
        for store in (2, 5, 9)
        for days in range(1, 6)
        if (store, origin + timedelta(days=days)) in sold
    ]
    found = panel.select("forecast_origin", "store_id", "target_date", "sales")
    assert found.rows() == expected
    assert any(day == ORIGIN for _, _, day, _ in expected)


def test_a_share_of_the_training_rows_is_the_profiles(place: Place) -> None:
    _, connection = place
    params = small_params()
    inputs = read_inputs(connection, params, forecast_origin=ORIGIN)
    full, _ = panel_of(inputs, params, "fast")
    profiles = {
        name: profile.model_copy(update={"rows_share": 0.3})
        for name, profile in params.training.profiles.items()
    }
    training = params.training.model_copy(update={"profiles": profiles})
    few = params.model_copy(update={"training": training})
    part, _ = panel_of(inputs, few, "fast")
    assert 0 < len(part) < len(full)


def test_twice_the_horizon_keeps_half_the_share_of_its_days(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, connection = place
    params = small_params()  # a horizon of five days
    inputs = read_inputs(connection, params, forecast_origin=ORIGIN)
    monkeypatch.setattr(panels, "_ROWS_SHARE_DAYS", 2.5)
    panel, origins = panel_of(inputs, params, "fast")
    expected = training_panel(
        inputs.features, origins, known_until=ORIGIN, horizon_days=5,
        params=params.features, rows_share=0.5,
    )  # fmt: skip
    assert_frame_equal(panel, expected)


def test_the_training_panel_is_kept_with_its_profile_and_read_for_no_other(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_pass(monkeypatch, panels, 250.0)
    settings, connection = place
    params = small_params()
    report = build_training_panel(Session(settings, params), profile="fast")
    panel, origins = panel_of(
        read_inputs(connection, params, forecast_origin=ORIGIN), params, "fast"
    )
    stored = read_training_panel(connection, "fast")
    assert_frame_equal(stored, panel, check_dtypes=False)
    assert (report.forecast_origin, report.origins) == (ORIGIN, len(origins)) == (ORIGIN, 3)
    # all columns except keys and the target; the horizon is a feature
    others = {"forecast_origin", "store_id", "target_date", "sales"}
    assert (report.rows, report.features) == (len(panel), len(set(panel.columns) - others))
    assert report.seconds == 250.0
    assert builds(connection) == [("training_panel", ORIGIN, "fast", "a-code", len(panel))]
    with pytest.raises(NoDataError, match=f"profile full and the origin {ORIGIN}"):
        read_training_panel(connection, "full")
    connection.execute("UPDATE core.horizon_plan SET forecast_origin = forecast_origin + 7")
    with pytest.raises(NoDataError, match=f"profile fast and the origin {ORIGIN + 7 * DAY}"):
        read_training_panel(connection, "fast")


def test_a_panel_of_earlier_data_is_refused(place: Place) -> None:
    settings, connection = place
    session = Session(settings, small_params())
    build_scoring_panel(session)
    build_training_panel(session, profile="fast")
    connection.execute("UPDATE features.panel_builds SET data_version = 'earlier data'")
    with pytest.raises(NoDataError) as refused:
        read_scoring_panel(connection, ORIGIN)
    assert str(refused.value) == (
        f"features.scoring_panel was built for the origin {ORIGIN} before the data changed: "
        "materialize it again first"
    )
    with pytest.raises(NoDataError, match=f"fast and the origin {ORIGIN} before the data changed"):
        read_training_panel(connection, "fast")


def test_a_panel_is_replaced_by_its_next_build(place: Place) -> None:
    settings, connection = place
    build_scoring_panel(Session(settings, small_params()))
    build_training_panel(Session(settings, small_params()), profile="fast")
    connection.execute("DELETE FROM core.horizon_plan WHERE store_id = 5")
    build_scoring_panel(Session(settings, small_params()))
    stored = read_scoring_panel(connection, ORIGIN)
    assert stored["store_id"].unique().sort().to_list() == [2, 9]
    assert [row[0] for row in builds(connection)] == ["scoring_panel", "training_panel"]


def test_progress_names_the_origin(place: Place) -> None:
    settings, _ = place
    told: list[str] = []
    build_scoring_panel(Session(settings, small_params(), progress=told.append))
    build_training_panel(
        Session(settings, small_params(origins=1), progress=told.append), profile="fast"
    )
    newest = ORIGIN - 14 * DAY
    assert told == [f"features of origin {ORIGIN}", f"features of origin {newest}, 1 of 1"]


def test_the_scoring_panel_has_the_features_of_the_feature_module(place: Place) -> None:
    _, connection = place
    params = small_params()
    inputs = read_inputs(connection, params, forecast_origin=ORIGIN)
    whole = scoring_panel(
        inputs.features, forecast_origin=ORIGIN, horizon_days=5, params=params.features
    )
    assert_frame_equal(panel_to_score(inputs, params).drop("plan_source"), whole)
