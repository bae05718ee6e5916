"""The doctor finds nothing in a sound place; its command prints findings and repairs."""

from __future__ import annotations

import json

import pytest
from support.doctor import the
from typer.testing import CliRunner

from rossmann_ml.base.settings import Settings
from rossmann_ml.cli import recovery as commands
from rossmann_ml.recovery import Severity, examine, repair


def test_nothing_is_found_where_nothing_is_wrong(place: Settings) -> None:
    assert examine(place) == []
    assert repair(place) == []


def run(place: Settings, monkeypatch: pytest.MonkeyPatch, *arguments: str):
    import typer

    monkeypatch.setattr(commands, "default_settings", lambda: place)
    app = typer.Typer()
    app.command()(commands.doctor)
    return CliRunner().invoke(app, list(arguments))


def test_the_exit_code_says_whether_trouble_remains(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = run(place, monkeypatch)
    assert (fine.exit_code, fine.stdout) == (0, "Nothing is wrong.\n")
    (place.published_path / "CURRENT").unlink()
    sick = run(place, monkeypatch)
    assert sick.exit_code == 1
    assert "error pointer: there are generations but no CURRENT" in sick.stdout
    assert "rossmann doctor --fix" in sick.stdout
    told = json.loads(run(place, monkeypatch, "--json").stdout)
    assert told["findings"][0]["subject"] == "pointer"
    assert told["findings"][0]["can_be_repaired"] is True
    healed = run(place, monkeypatch, "--fix")
    assert healed.exit_code == 0
    assert healed.stdout.startswith(
        "repaired: pointer: there are generations but no CURRENT; points it to"
    )


def test_what_cannot_be_repaired_stays_a_finding(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.published_path / "CURRENT").unlink()

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("rossmann_ml.recovery.served.move_pointer", fail)
    assert repair(place) == []
    assert the(place, "pointer").severity is Severity.ERROR
