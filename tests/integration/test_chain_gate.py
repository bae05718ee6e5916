"""The gate: which model becomes champion, and the record of every decision."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest
from support.trained_chain import Chain, add_model, promote, rmspe_of

from rossmann_ml.base.errors import NoDataError, TrackingError
from rossmann_ml.models.recipe import RecipeKey
from rossmann_ml.training import gate as promotion
from rossmann_ml.training import tracking
from rossmann_ml.warehouse.connection import connect
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables.models import champion

pytestmark = pytest.mark.integration


def add_other_recipe(chain: Chain, log_forecast: str) -> None:
    """Record a model of another recipe, whose members all forecast the value of an expression."""
    ((text,),) = chain.rows("SELECT recipe FROM forecasting.model_versions LIMIT 1")
    key = RecipeKey.from_json(text)
    other = replace(key, members={family: f"other {family}" for family in key.members})
    add_model(chain, "other", recipe=other.hash, rmspe=rmspe_of(chain))
    with connect(chain.settings) as connection:
        connection.execute(
            "UPDATE forecasting.model_versions SET recipe = ? WHERE model_version = 'other'",
            [other.to_json()],
        )
        connection.execute(
            "DELETE FROM forecasting.out_of_fold_forecasts WHERE starts_with(member_hash, 'other')"
        )
        connection.execute(
            f"""
            INSERT INTO forecasting.out_of_fold_forecasts
            SELECT forecasts.* REPLACE (
                'other ' || model AS member_hash, {log_forecast} AS log_forecast
            )
            FROM forecasting.out_of_fold_forecasts AS forecasts
            INNER JOIN forecasting.out_of_fold_days
                USING (data_version, forecast_origin, store_id, target_date)
            """
        )


def test_the_first_model_that_beats_seasonal_naive_becomes_champion(chain: Chain) -> None:
    decision = promote(chain)
    assert decision.is_promoted
    assert "first champion" in decision.reason
    assert chain.rows("SELECT action, actor, is_alias_set FROM forecasting.promotions") == [
        ("promoted", "a test", True)
    ]
    assert chain.alias("champion") == chain.trained.registry_version


def test_a_model_behind_seasonal_naive_is_refused_with_the_figures(chain: Chain) -> None:
    add_model(chain, "worse", rmspe=9.0)
    decision = promote(chain, "worse")
    assert not decision.is_promoted
    assert "does not beat seasonal naive: RMSPE 9.0000" in decision.reason
    ((action, figures),) = chain.rows("SELECT action, figures FROM forecasting.promotions")
    assert action == "refused"
    assert json.loads(figures)["rmspe"] == 9.0
    with connect(chain.settings) as connection:
        assert champion(connection) is None


def test_a_model_is_held_against_seasonal_naive_origin_by_origin(chain: Chain) -> None:
    # a first Christmas and a store-day that was shut after an hour are hard for every method
    figures = [("blend", [0.38, 0.12, 0.57]), ("seasonal_naive", [0.35, 0.26, 0.59])]
    add_model(chain, "christmas", rmspe=0.38)
    with connect(chain.settings) as connection:
        for model, by_origin in figures:
            for number, rmspe in enumerate(by_origin):
                connection.execute(
                    """
                    UPDATE forecasting.backtest_scores SET rmspe = $rmspe
                    WHERE model_version = 'christmas' AND model = $model AND forecast_origin = (
                        SELECT DISTINCT forecast_origin FROM forecasting.backtest_scores
                        WHERE forecast_origin IS NOT NULL ORDER BY 1 OFFSET $number LIMIT 1
                    )
                    """,
                    {"rmspe": rmspe, "model": model, "number": number},
                )
    decision = promote(chain, "christmas")
    assert decision.is_promoted
    assert decision.figures["rmspe"] == 0.38
    assert "at the median origin 97% of it" in decision.reason


@pytest.mark.parametrize(("factor", "is_promoted"), [(1.04, True), (1.06, False)])
def test_a_refit_may_be_worse_than_the_champion_within_the_tolerance(
    chain: Chain, factor: float, is_promoted: bool
) -> None:
    promote(chain)
    add_model(chain, "refit", rmspe=rmspe_of(chain) * factor)
    decision = promote(chain, "refit")
    assert decision.is_promoted is is_promoted
    assert decision.previous == chain.trained.model_version


@pytest.mark.parametrize(("error", "is_promoted"), [(0.0, True), (0.5, False)])
def test_a_changed_recipe_must_be_better_on_the_rows_that_both_forecast(
    chain: Chain, error: float, is_promoted: bool
) -> None:
    promote(chain)
    add_other_recipe(chain, f"ln(sales) + {error} * random()")
    decision = promote(chain, "other")
    assert decision.is_promoted is is_promoted
    assert "on the same" in decision.reason


def test_a_changed_recipe_that_is_better_but_clearly_worse_in_a_segment_is_refused(
    chain: Chain,
) -> None:
    promote(chain)
    monday = "dayofweek(target_date) = 1"
    add_other_recipe(
        chain, f"CASE WHEN {monday} THEN ln(sales) + random() - 0.5 ELSE ln(sales) END"
    )
    decision = promote(chain, "other")
    assert not decision.is_promoted
    assert "in the segment weekday 1 it is" in decision.reason
    assert "gate.segment_tolerance" in decision.reason


@pytest.mark.parametrize(("factor", "is_promoted"), [(0.9, True), (1.1, False)])
def test_a_champion_that_the_code_no_longer_makes_is_compared_by_skill(
    chain: Chain, factor: float, is_promoted: bool
) -> None:
    promote(chain)
    add_model(chain, "new", recipe="new", rmspe=rmspe_of(chain) * factor)
    gone = RecipeKey("features of another code", {"lightgbm": "a member"}, shrinkage=0.2)
    with connect(chain.settings) as connection:
        connection.execute(
            "UPDATE forecasting.model_versions SET recipe = ?, recipe_hash = ? "
            "WHERE model_version <> 'new'",
            [gone.to_json(), gone.hash],
        )
    decision = promote(chain, "new")
    assert decision.is_promoted is is_promoted
    assert "no longer makes the champion's" in decision.reason


def test_the_champions_backtest_is_made_up_for_where_none_can_be_compared(chain: Chain) -> None:
    promote(chain)
    add_other_recipe(chain, "ln(sales)")
    with connect(chain.settings) as connection:
        connection.execute(
            "DELETE FROM forecasting.out_of_fold_forecasts WHERE NOT starts_with(member_hash, 'o')"
        )
    said: list[str] = []
    decision = promotion.promote(
        Session(chain.settings, chain.params, progress=said.append),
        model_version="other",
        actor="a test",
    )
    assert decision.is_promoted
    assert any("backtest of the champion's recipe" in each for each in said)
    assert chain.rows(
        "SELECT count(DISTINCT forecast_origin) FROM forecasting.out_of_fold_forecasts"
    ) == [(3,)]


def test_rolling_back_brings_the_former_champion_and_only_that(chain: Chain) -> None:
    promote(chain)
    with pytest.raises(NoDataError, match="no champion before"):
        promotion.rollback_model(Session(chain.settings), actor="a test")
    add_model(chain, "refit", rmspe=rmspe_of(chain))
    promote(chain, "refit")
    decision = promotion.rollback_model(Session(chain.settings), actor="a test")
    assert decision.model_version == chain.trained.model_version
    assert chain.rows("SELECT action FROM forecasting.promotions ORDER BY promotion_id") == [
        ("promoted",), ("promoted",), ("rolled_back",),
    ]  # fmt: skip


def test_an_alias_that_was_not_set_is_set_at_the_next_start(chain: Chain) -> None:
    promote(chain)
    assert promotion.reconcile_alias(Session(chain.settings)) is False
    with connect(chain.settings) as connection:
        connection.execute("UPDATE forecasting.promotions SET is_alias_set = false")
    assert promotion.reconcile_alias(Session(chain.settings)) is True
    assert chain.rows("SELECT is_alias_set FROM forecasting.promotions") == [(True,)]


def test_a_model_nobody_trained_is_named(chain: Chain) -> None:
    with pytest.raises(NoDataError, match="no model nonesuch"):
        promote(chain, "nonesuch")


def test_a_tracking_server_that_is_not_there_is_named(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    lost = chain.settings.model_copy(update={"mlflow_tracking_uri": "http://127.0.0.1:9"})
    with pytest.raises(TrackingError, match=r"127\.0\.0\.1:9"):
        tracking.set_champion(lost, "1")
    assert "MLFLOW_TRACKING_URI" not in os.environ, "the next settings would find a lost server"
