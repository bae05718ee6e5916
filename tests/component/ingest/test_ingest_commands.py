"""``rossmann data land`` and ``rossmann data status`` as a person meets them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from support.retailer import SALES_HEADER, Retailer, sales_line, sales_lines, text

from rossmann_ml import cli
from rossmann_ml.base.settings import default_settings

FRIDAY = date(2015, 6, 12)
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def retailer(tmp_path: Path) -> Retailer:
    made = Retailer(tmp_path)
    made.write_bulk()
    return made


@pytest.fixture
def rossmann(
    retailer: Retailer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Run the command line in this process; hands back the exit code and what it said."""
    monkeypatch.setenv("ROSSMANN_RAW_DIR", str(retailer.raw))
    monkeypatch.setenv("ROSSMANN_INCOMING_DIR", str(retailer.incoming))
    monkeypatch.setenv("ROSSMANN_WAREHOUSE_DIR", str(retailer.settings.warehouse_path))
    monkeypatch.delenv("ROSSMANN_AS_OF", raising=False)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str) -> tuple[int, str]:
        default_settings.cache_clear()
        monkeypatch.setattr(sys, "argv", ["rossmann", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        told = capsys.readouterr()
        return int(end.value.code or 0), told.out + told.err

    yield run
    default_settings.cache_clear()


def test_status_says_plainly_that_there_is_no_warehouse_yet(
    rossmann: Run, retailer: Retailer
) -> None:
    code, told = rossmann("data", "status")
    assert code == 0
    assert "There is no warehouse yet" in told
    assert "store.csv, train.csv, test.csv (not landed" in told
    assert not retailer.settings.database_path.exists()


def test_a_folder_is_landed_and_status_shows_what_is_there_and_what_waits(
    rossmann: Run, retailer: Retailer
) -> None:
    code, told = rossmann("data", "land", str(retailer.raw))
    assert code == 0
    assert "train.csv: 36 rows read, 36 landed, 2015-06-01 to 2015-06-12" in told

    retailer.write("sales_2015-06-19.csv", text(SALES_HEADER, sales_lines()[:1]))
    code, told = rossmann("data", "status")
    assert code == 0
    assert "Data set retailer" in told
    assert "today is Monday, 2015-06-15" in told
    assert told.split("sales", 1)[1].split()[:6] == [
        "1",
        "36",
        "0",
        "0",
        "2015-06-01",
        "2015-06-12",
    ]
    assert "sales_2015-06-19.csv (not landed, or nothing new in it)" in told


def test_weekly_drops_land_without_naming_them_and_once(rossmann: Run, retailer: Retailer) -> None:
    retailer.land_raw()
    _, told = rossmann("data", "land")
    assert "holds no file to land" in told
    restated, unknown = sales_line(1, FRIDAY, 10), sales_line(9, FRIDAY, 10)
    known = [line for line in sales_lines() if not line.startswith("1,")] * 5
    retailer.write("sales_2015-06-12.csv", text(SALES_HEADER, [restated, unknown, *known]))
    code, told = rossmann("data", "land")
    assert code == 0
    assert "1 landed (1 of them restated)" in told
    assert "1 set aside (Store is not in store.csv: 1)" in told
    _, told = rossmann("data", "land")
    assert "landed before" in told
    assert "Nothing changed." in told
    _, told = rossmann("data", "status")
    assert "set aside from sales: 1 rows: Store is not in store.csv" in told


def test_a_refusal_ends_with_its_message_and_code_and_shows_brackets_as_they_are(
    rossmann: Run, retailer: Retailer
) -> None:
    retailer.land_raw()
    line = sales_line(1, FRIDAY, Sales="[/red]")
    retailer.write("sales_2015-06-12.csv", text(SALES_HEADER, [line]))
    code, told = rossmann("data", "land")
    assert code == 2
    assert "error:" in told
    assert "[/red]" in told
    assert "Traceback" not in told
