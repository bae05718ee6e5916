"""The doctor finds faults of parameters, disk and MLflow's registry."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.doctor import findings, repaired, the
from support.small_warehouse import change

from rossmann_ml.base.errors import TrackingError
from rossmann_ml.base.settings import Settings
from rossmann_ml.recovery import Severity, archive, surroundings
from rossmann_ml.training import gate as promotion
from rossmann_ml.training import tracking
from rossmann_ml.training.registry_files import registry_path
from rossmann_ml.warehouse.session import Session


def test_parameters_that_cannot_be_used_are_named(place: Settings, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("forecast: 3\n")
    wrong = place.model_copy(update={"params_file": tmp_path / "p.yaml"})
    assert "forecast" in the(wrong, "parameters").found


def test_a_folder_that_cannot_be_written_is_named(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surroundings, "is_writable", lambda folder: folder != place.state_path)
    assert str(place.state_path) in the(place, "folder").found


def test_little_room_is_told_before_it_is_gone(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surroundings, "free_bytes", lambda _: 1_000)
    assert findings(place, "disk space")[0].severity is Severity.ERROR
    monkeypatch.setattr(surroundings, "free_bytes", lambda _: 400_000_000)
    assert findings(place, "disk space")[0].severity is Severity.WARNING
    assert archive.free_bytes(place.warehouse_path / "not" / "there") > 0


def test_an_alias_on_another_version_is_set(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    alias = {"champion": "7"}
    monkeypatch.setattr(tracking, "alias_version", lambda _: alias.get("champion"))
    monkeypatch.setattr(tracking, "set_champion", lambda _, version: alias.update(champion=version))
    assert "on version 7, the warehouse's champion is version 1" in the(place, "alias").found
    repaired(place, "alias")
    change(
        place,
        "UPDATE forecasting.promotions SET is_alias_set = false",
        marts_follow=False,
    )
    alias.clear()
    repaired(place, "alias")
    assert alias == {"champion": "1"}
    assert not promotion.reconcile_alias(Session(place))


def test_a_lost_mlflow_is_a_warning_with_its_address(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Settings) -> str:
        raise TrackingError("MLflow at http://127.0.0.1:1 did not do what was asked")

    monkeypatch.setattr(tracking, "alias_version", fail)
    found = the(place, "MLflow")
    assert found.severity is Severity.WARNING
    assert "127.0.0.1:1" in found.found


def test_a_registry_that_is_gone_is_told_where_a_model_was_registered(place: Settings) -> None:
    registry = registry_path(place)
    assert registry is not None
    registry.unlink()
    assert "though the champion was registered in it" in the(place, "MLflow").found
    change(place, "DELETE FROM forecasting.promotions", marts_follow=False)
    assert findings(place, "MLflow") == []


def test_a_damaged_registry_is_told_and_no_traceback(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    registry = registry_path(place)
    assert registry is not None
    registry.write_bytes(b"not a database " * 500)
    assert "not a database" in the(place, "MLflow").found


def test_a_damaged_database_of_dagster_is_moved_aside(place: Settings) -> None:
    path = place.state_path / "dagster" / "runs" / "runs.db"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a database " * 500)
    assert f"{path} is damaged" in the(place, "Dagster").found
    repaired(place, "Dagster")
    assert [each.name for each in path.parent.iterdir()] == ["runs.db.damaged"]
