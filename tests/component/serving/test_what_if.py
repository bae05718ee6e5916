"""A changed plan scores as if the retailer had planned it from the beginning."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from support.small_warehouse import MODEL, ORIGINS, STORE_WITHOUT_FORECAST, STORES
from support.stand_in_bundle import StandInBundle

from rossmann_ml.base.errors import NoDataError, ScenarioError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.features.inputs import read_published_inputs
from rossmann_ml.features.panel import scoring_panel
from rossmann_ml.publish.publishing import PublishedGeneration
from rossmann_ml.serving.generations import reading
from rossmann_ml.serving.what_if import PlanChange, Scenarios

ORIGIN = ORIGINS[-1]
FIRST, LAST = ORIGIN + timedelta(days=1), ORIGIN + timedelta(days=42)
MONDAY = date(2015, 8, 10)
FRIDAY = MONDAY + timedelta(days=4)


@pytest.fixture
def generation(shared_published: tuple[Settings, PublishedGeneration], tmp_path: Path) -> Path:
    """Return a generation that the test may change."""
    copy = tmp_path / shared_published[1].path.name
    shutil.copy(shared_published[1].path, copy)
    copy.chmod(0o644)
    return copy


def change(generation: Path, statement: str) -> None:
    with duckdb.connect(str(generation)) as connection:
        connection.execute(statement)


@pytest.fixture
def scenarios(generation: Path, stand_in: dict[str, StandInBundle]) -> Scenarios:
    return Scenarios.load(generation, generation.parent / "models", threads=1)


def panel_from_scratch(generation: Path, params: Params) -> pl.DataFrame:
    """Return the scoring panel that the weekly job would build from the file."""
    with reading(generation) as connection:
        inputs = read_published_inputs(connection, forecast_origin=ORIGIN, horizon_days=42)
    return scoring_panel(
        inputs.features, forecast_origin=ORIGIN, horizon_days=42, params=params.features
    )


def test_the_published_plan_gives_the_panel_of_the_weekly_job_to_the_last_bit(
    scenarios: Scenarios,
    stand_in: dict[str, StandInBundle],
    generation: Path,
    project_params: Params,
) -> None:
    expected = panel_from_scratch(generation, project_params)
    scenarios.score(None)
    scored = stand_in[MODEL].panels[-1].select(expected.columns)
    assert scored.equals(expected.filter(pl.col("store_id") != STORE_WITHOUT_FORECAST))
    scenarios.score([4, 2])
    scored = stand_in[MODEL].panels[-1].select(expected.columns)
    assert scored.equals(expected.filter(pl.col("store_id").is_in([2, 4])))


@pytest.mark.parametrize(
    ("change_asked", "same_in_sql"),
    [
        (PlanChange(MONDAY, FRIDAY, is_promo=True), "is_promo = true"),
        (PlanChange(MONDAY, FRIDAY, is_promo=False), "is_promo = false"),
        (PlanChange(MONDAY, FRIDAY, is_open=False), "is_open = false"),
        (PlanChange(MONDAY, FRIDAY, state_holiday="b"), "state_holiday = 'b'"),
        (PlanChange(MONDAY, FRIDAY, is_school_holiday=False), "is_school_holiday = false"),
        (
            PlanChange(MONDAY, FRIDAY, is_promo=True, is_open=False, state_holiday="a"),
            "is_promo = true, is_open = false, state_holiday = 'a'",
        ),
    ],
)
def test_a_changed_plan_gives_the_panel_of_a_warehouse_with_that_plan(
    scenarios: Scenarios,
    stand_in: dict[str, StandInBundle],
    generation: Path,
    project_params: Params,
    change_asked: PlanChange,
    same_in_sql: str,
) -> None:
    scenarios.score([3], [change_asked])
    scored = stand_in[MODEL].panels[-1]
    change(
        generation,
        f"UPDATE store_plan SET {same_in_sql} "
        f"WHERE store_id = 3 AND plan_date BETWEEN '{MONDAY}' AND '{FRIDAY}'",
    )
    expected = panel_from_scratch(generation, project_params).filter(pl.col("store_id") == 3)
    assert scored.select(expected.columns).equals(expected)


def test_an_answer_contains_the_changed_plan_and_the_difference(scenarios: Scenarios) -> None:
    same = scenarios.score([1])
    assert not same["is_changed"].any()
    changed = scenarios.score([1], [PlanChange(MONDAY, FRIDAY, is_promo=True)])
    week = changed.filter(pl.col("target_date").is_between(MONDAY, FRIDAY))
    assert week["is_promo"].to_list() == [True] * 5
    assert changed.filter("is_changed")["target_date"].to_list() == [
        day
        for day in week["target_date"]
        if not same.filter(pl.col("target_date") == day)["is_promo"].item()
    ]
    stored = changed["stored_forecast"]
    assert stored.null_count() == 0
    assert (changed["difference"] == changed["sales_forecast"] - stored).all()
    # the days before a promotion also move
    before = pl.col("target_date") == MONDAY - timedelta(days=2)
    assert (
        changed.filter(before)["sales_forecast"].item()
        != same.filter(before)["sales_forecast"].item()
    )


def test_a_gap_in_the_stored_forecasts_changes_no_figure(
    generation: Path, stand_in: dict[str, StandInBundle]
) -> None:
    folder = generation.parent / "models"
    whole = Scenarios.load(generation, folder, threads=1).score([1, 2])
    change(generation, "DELETE FROM forecasts WHERE store_id = 1 AND horizon_days = 4")
    blanked = Scenarios.load(generation, folder, threads=1).score([1, 2])
    without = ["stored_forecast", "difference"]
    assert blanked.drop(without).equals(whole.drop(without))
    missing = blanked.filter(pl.col("stored_forecast").is_null())
    assert missing.select("store_id", "horizon_days", "difference").rows() == [(1, 4, None)]


def test_an_answer_contains_only_the_days_of_the_question(scenarios: Scenarios) -> None:
    whole = scenarios.score([1, 2])
    part = scenarios.score([2, 1, 2], first_date=MONDAY, last_date=FRIDAY)
    assert part.equals(whole.filter(pl.col("target_date").is_between(MONDAY, FRIDAY)))


def test_all_stores_are_those_with_a_plan(scenarios: Scenarios) -> None:
    assert scenarios.score(None)["store_id"].unique().sort().to_list() == list(STORES)


def test_a_change_may_be_for_some_of_the_stores_and_later_ones_win(scenarios: Scenarios) -> None:
    answer = scenarios.score(
        [1, 2],
        [
            PlanChange(MONDAY, FRIDAY, is_open=False),
            PlanChange(MONDAY, MONDAY, is_open=True, store_ids=(2,)),
        ],
    )
    closed = answer.filter(~pl.col("is_open") & pl.col("target_date").is_between(MONDAY, FRIDAY))
    assert closed.group_by("store_id").len().sort("store_id").rows() == [(1, 5), (2, 4)]
    assert (closed["sales_forecast"] == 0).all()


@pytest.mark.parametrize(
    ("question", "kind", "words"),
    [
        ({"store_ids": [1, 4711]}, "unknown-store", "4711"),
        ({"store_ids": [STORE_WITHOUT_FORECAST]}, "store-not-forecast", "99"),
        ({"store_ids": [1], "first_date": ORIGIN}, "date-outside-horizon", str(FIRST)),
        (
            {"store_ids": [1], "last_date": LAST + timedelta(days=1)},
            "date-outside-horizon",
            str(LAST),
        ),
        (
            {"store_ids": [1], "changes": [PlanChange(ORIGIN, MONDAY, is_promo=True)]},
            "date-outside-horizon",
            str(ORIGIN),
        ),
        (
            {
                "store_ids": [1],
                "changes": [PlanChange(MONDAY, FRIDAY, is_promo=True, store_ids=(2,))],
            },
            "unknown-store",
            "not in the question",
        ),
    ],
)
def test_an_invalid_question_is_refused_with_the_reason(
    scenarios: Scenarios, question: dict, kind: str, words: str
) -> None:
    with pytest.raises(ScenarioError, match=words) as raised:
        scenarios.score(**question)
    assert raised.value.kind == kind


def test_many_unknown_stores_are_not_all_listed(scenarios: Scenarios) -> None:
    with pytest.raises(ScenarioError, match="500, 501, 502, 503, 504 and 45 more"):
        scenarios.score(list(range(500, 550)))


def test_a_generation_without_forecasts_or_model_is_refused(
    generation: Path, stand_in: dict[str, StandInBundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    change(generation, "DELETE FROM forecasts")
    with pytest.raises(NoDataError, match="0 models, expected one"):
        Scenarios.load(generation, generation.parent / "models", threads=1)


def test_an_incomplete_bundle_is_refused(generation: Path) -> None:
    with pytest.raises(NoDataError, match="the files of model lightgbm-de665cbd are not in"):
        Scenarios.load(generation, generation.parent / "models", threads=1)
