"""The champion, the record of a decision, rollback, and the registry's alias."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from shutil import rmtree

import pytest
from support.gate_warehouse import Gate, open_gate

from rossmann_ml.base.errors import NoDataError, RefusedError
from rossmann_ml.training.gate import (
    champion,
    profile_due,
    reconcile_alias,
    require_champion,
    rollback_model,
)
from rossmann_ml.warehouse.connection import utc_now
from rossmann_ml.warehouse.session import Session


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        open_gate(monkeypatch, tmp_path_factory.mktemp("gate")) as gate,
    ):
        yield gate


@pytest.fixture
def gate(opened: Gate) -> Gate:
    """A warehouse without models and decisions."""
    return opened.emptied()


def refits(gate: Gate, *versions: str) -> None:
    """Record equally good models of one recipe, and promote them one after another."""
    for version in versions:
        gate.add_model(version)
        assert gate.promote(version).is_promoted


def rolled_back(gate: Gate) -> str:
    return rollback_model(Session(gate.settings), actor="a person").model_version


def test_there_is_no_champion_before_the_first_promotion(gate: Gate) -> None:
    assert champion(gate.connection) is None
    with pytest.raises(NoDataError, match="rossmann refresh --retrain fast"):
        require_champion(gate.connection)


def test_the_model_that_was_promoted_last_is_champion(gate: Gate) -> None:
    refits(gate, "b", "a")
    assert champion(gate.connection) == require_champion(gate.connection) == "a"


def test_a_refusal_changes_no_champion(gate: Gate) -> None:
    refits(gate, "good")
    gate.add_model("bad", [2.0])
    assert not gate.promote("bad").is_promoted
    assert champion(gate.connection) == "good"


def test_a_training_is_due_without_a_champion_for_the_whole_horizon(gate: Gate) -> None:
    assert profile_due(Session(gate.settings)) == "fast"
    gate.settings.database_path.parent.mkdir(exist_ok=True)
    gate.settings.database_path.touch()  # what is opened is in memory
    assert profile_due(Session(gate.settings)) == "fast"
    refits(gate, "good")
    assert profile_due(Session(gate.settings)) is None
    gate.connection.execute("UPDATE forecasting.model_versions SET profile = 'full'")
    metadata = gate.settings.models_path / "good" / "bundle.json"
    metadata.parent.mkdir(parents=True)
    found = {}
    for days in (41, 42, 91):
        metadata.write_text(f'{{"horizon_days": {days}}}', encoding="utf-8")
        found[days] = profile_due(Session(gate.settings))
    rmtree(metadata.parent)
    assert found == {41: "full", 42: None, 91: None}


def test_every_decision_is_recorded_with_number_time_actor_and_champion_before(gate: Gate) -> None:
    started = utc_now()
    refits(gate, "first")
    gate.add_model("bad", [2.0])
    gate.promote("bad", actor="somebody else")
    refits(gate, "second")
    rolled_back(gate)
    columns = ("promotion_id", "action", "model_version", "previous_model_version", "actor")
    assert gate.decisions(*columns) == [
        (1, "promoted", "first", None, "a test"),
        (2, "refused", "bad", "first", "somebody else"),
        (3, "promoted", "second", "first", "a test"),
        (4, "rolled_back", "first", "second", "a person"),
    ]
    times = [decided_at for (decided_at,) in gate.decisions("decided_at")]
    assert times == sorted(times)
    assert started <= times[0]
    assert times[-1] - started < timedelta(minutes=5)
    reasons = [str(reason) for (reason,) in gate.decisions("reason")]
    assert reasons[0].startswith("first champion: RMSPE 0.5000")
    assert reasons[3] == "rolled back from second"
    assert gate.figures() == {}


def test_judging_the_champion_again_records_nothing(gate: Gate) -> None:
    refits(gate, "good")
    decision = gate.promote("good")
    assert decision.is_promoted
    assert (decision.previous, decision.reason) == ("good", "it is the champion")
    assert len(gate.decisions("action")) == 1
    assert gate.aliases == ["no. good"]


def test_the_newest_registered_model_is_judged_unless_one_is_named(gate: Gate) -> None:
    gate.add_model("old", created_at="2015-06-01")
    gate.add_model("new", created_at="2015-06-29")
    gate.add_model("of the past", created_at="2015-07-06", registry_version="")
    gate.add_model("middle", created_at="2015-06-15")
    assert gate.promote().model_version == "new"


def test_without_a_registered_model_there_is_nothing_to_judge(gate: Gate) -> None:
    gate.add_model("of the past", registry_version="")
    with pytest.raises(NoDataError, match="no model has been trained yet"):
        gate.promote()


def test_a_model_of_a_backfill_cannot_become_champion(gate: Gate) -> None:
    gate.add_model("good")
    gate.add_model("of the past", registry_version="")
    with pytest.raises(RefusedError, match="of the past was trained for a past origin"):
        gate.promote("of the past")
    assert gate.decisions("action") == []


def test_a_model_that_was_not_trained_is_named(gate: Gate) -> None:
    gate.add_model("good")
    with pytest.raises(NoDataError, match="there is no model nonesuch"):
        gate.promote("nonesuch")
    assert gate.decisions("action") == []


def test_rolling_back_brings_the_champion_before_and_then_the_one_before_that(gate: Gate) -> None:
    refits(gate, "first", "second", "third")
    assert rolled_back(gate) == champion(gate.connection) == "second"
    assert rolled_back(gate) == champion(gate.connection) == "first"
    with pytest.raises(NoDataError, match="no champion before first to roll back to"):
        rolled_back(gate)


def test_rolling_back_goes_by_the_newest_promotion_of_the_champion(gate: Gate) -> None:
    refits(gate, "first", "second", "third")
    assert gate.promote("second").is_promoted
    assert rolled_back(gate) == "third"


def test_a_refusal_of_the_champion_is_nothing_to_roll_back_to(gate: Gate) -> None:
    refits(gate, "first")
    gate.add_model("second", [2.0])
    gate.promote("second")  # refused, after first
    gate.connection.execute(
        "UPDATE forecasting.backtest_scores SET rmspe = 0.5 WHERE model = 'blend'"
    )
    assert gate.promote("second").is_promoted
    assert rolled_back(gate) == "first"


def test_there_is_nothing_to_roll_back_without_a_champion(gate: Gate) -> None:
    with pytest.raises(NoDataError):
        rolled_back(gate)


def test_a_champion_of_an_earlier_version_is_not_rolled_back_to(gate: Gate) -> None:
    refits(gate, "first", "second")
    folder = gate.settings.models_path / "first"
    folder.mkdir(parents=True)
    (folder / "bundle.json").write_text('{"format_version": 1}', encoding="utf-8")
    with pytest.raises(NoDataError, match="first, is of another version of the product: train"):
        rolled_back(gate)
    assert champion(gate.connection) == "second"
    shutil.rmtree(folder)


def test_a_rollback_says_what_it_did(gate: Gate) -> None:
    refits(gate, "first", "second")
    decision = rollback_model(Session(gate.settings), actor="a person")
    assert decision.is_promoted
    assert (decision.model_version, decision.previous) == ("first", "second")
    assert decision.reason == "rolled back from second"


def test_the_alias_follows_promotions_and_rollbacks_but_no_refusal(gate: Gate) -> None:
    refits(gate, "first", "second")
    gate.add_model("bad", [2.0])
    gate.promote("bad")
    assert gate.aliases == ["no. first", "no. second"]
    rolled_back(gate)
    assert gate.aliases == ["no. first", "no. second", "no. first"]
    assert {is_set for (is_set,) in gate.decisions("is_alias_set")} == {True}


def test_a_refusal_leaves_no_alias_to_be_set(gate: Gate) -> None:
    gate.add_model("bad", [2.0])
    gate.promote("bad")
    assert gate.decisions("is_alias_set") == [(True,)]
    assert not reconcile_alias(Session(gate.settings))
    assert gate.aliases == []


def test_an_alias_that_was_not_set_is_set_to_the_newest_decision_and_once(gate: Gate) -> None:
    refits(gate, "first", "second", "third")
    gate.connection.execute("UPDATE forecasting.promotions SET is_alias_set = false")
    gate.aliases.clear()
    assert reconcile_alias(Session(gate.settings))
    assert gate.aliases == ["no. third"]
    assert gate.decisions("is_alias_set") == [(True,)] * 3
    assert not reconcile_alias(Session(gate.settings))
    assert gate.aliases == ["no. third"]
