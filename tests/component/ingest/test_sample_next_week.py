"""``rossmann data next-week``: the weeks after a sample land like a retailer's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from rossmann_ml import cli
from rossmann_ml.base.settings import default_settings
from rossmann_ml.ingest.sample import write_sample


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for variable, folder in (
        ("RAW", "raw"), ("INCOMING", "incoming"), ("WAREHOUSE", "warehouse"), ("STATE", "state")
    ):  # fmt: skip
        monkeypatch.setenv(f"ROSSMANN_{variable}_DIR", str(tmp_path / folder))
    monkeypatch.delenv("ROSSMANN_AS_OF", raising=False)
    write_sample(
        tmp_path / "raw",
        stores=5,
        seed=3,
        first_date=date(2015, 4, 1),
        last_date=date(2015, 5, 22),
        plan_days=20,
    )
    yield tmp_path
    default_settings.cache_clear()


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    default_settings.cache_clear()
    monkeypatch.setattr(sys, "argv", ["rossmann", "data", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0)


def test_two_weeks_pass_and_land_with_the_figures_of_a_longer_sample(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "land", str(place / "raw")) == 0
    for _ in range(2):
        assert run(monkeypatch, "next-week") == 0
    assert sorted(path.name for path in (place / "incoming").iterdir()) == [
        "plan_2015-05-29.csv", "plan_2015-06-05.csv", "sales_2015-05-29.csv", "sales_2015-06-05.csv"
    ]  # fmt: skip
    assert run(monkeypatch, "land") == 0
    capsys.readouterr()
    assert run(monkeypatch, "status") == 0
    shown = capsys.readouterr().out
    assert "quarantined" not in shown
    assert "2015-06-05" in shown
    assert "2015-06-25" in shown  # 20 days of plan after the second week

    longer = place / "longer"
    write_sample(longer, stores=5, seed=3, first_date=date(2015, 6, 1), last_date=date(2015, 6, 5))
    rows = (longer / "train.csv").read_text(encoding="utf-8").splitlines()
    week = (place / "incoming" / "sales_2015-06-05.csv").read_text(encoding="utf-8").splitlines()
    assert week[: len(rows)] == rows  # newest days first


def test_a_folder_without_a_sample_has_no_next_week(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "raw" / "dataset.json").unlink()
    assert run(monkeypatch, "next-week") == 2
    assert "rossmann data sample" in " ".join(capsys.readouterr().err.split())
    assert not (place / "incoming").exists()


def test_a_week_that_has_not_passed_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "incoming").mkdir()
    (place / "incoming" / f"sales_{date.today()}.csv").touch()
    assert run(monkeypatch, "next-week") == 2
    assert "cannot land" in " ".join(capsys.readouterr().err.split())
