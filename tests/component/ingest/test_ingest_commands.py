"""``rossmann data land`` and ``rossmann data status`` from the command line."""

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
    """Return a function that runs a command in this process and returns exit code and output."""
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
        output = capsys.readouterr()
        return int(end.value.code or 0), output.out + output.err

    yield run
    default_settings.cache_clear()


def test_before_the_first_landing_status_says_that_there_is_no_warehouse(
    rossmann: Run, retailer: Retailer
) -> None:
    code, output = rossmann("data", "status")
    assert code == 0
    assert "There is no warehouse yet" in output
    assert "store.csv, train.csv, test.csv (not landed" in output
    assert not retailer.settings.database_path.exists()


def test_a_folder_is_landed_and_status_shows_landed_rows_and_waiting_files(
    rossmann: Run, retailer: Retailer
) -> None:
    code, output = rossmann("data", "land", str(retailer.raw))
    assert code == 0
    assert "train.csv: 36 rows read, 36 landed, 2015-06-01 to 2015-06-12" in output

    retailer.write("sales_2015-06-19.csv", text(SALES_HEADER, sales_lines()[:1]))
    code, output = rossmann("data", "status")
    assert code == 0
    assert "Data set retailer" in output
    assert "the business date is Monday, 2015-06-15" in output
    assert output.split("\n sales ", 1)[1].split()[:7] == [
        "1",
        "36",
        "0",
        "0",
        "0",
        "2015-06-01",
        "2015-06-12",
    ]
    assert "sales_2015-06-19.csv (not landed yet)" in output


def test_weekly_drops_land_without_naming_them_and_once(rossmann: Run, retailer: Retailer) -> None:
    retailer.land_raw()
    _, output = rossmann("data", "land")
    assert "has no file to land" in output
    restated, unknown = sales_line(1, FRIDAY, 10), sales_line(9, FRIDAY, 10)
    known = [line for line in sales_lines() if not line.startswith("1,")] * 5
    retailer.write("sales_2015-06-12.csv", text(SALES_HEADER, [restated, unknown, *known]))
    code, output = rossmann("data", "land")
    assert code == 0
    assert "1 landed (1 of them restated)" in output
    assert "1 quarantined (Store is not in store.csv: 1)" in output
    _, output = rossmann("data", "land")
    assert "landed before" in output
    assert "Nothing changed." in output
    _, output = rossmann("data", "status")
    assert "quarantined from sales: 1 rows: Store is not in store.csv" in output


def test_a_refusal_ends_with_its_message_and_code_and_shows_brackets_as_they_are(
    rossmann: Run, retailer: Retailer
) -> None:
    retailer.land_raw()
    line = sales_line(1, FRIDAY, Sales="[/red]")
    retailer.write("sales_2015-06-12.csv", text(SALES_HEADER, [line]))
    code, output = rossmann("data", "land")
    assert code == 2
    assert "error:" in output
    assert "[/red]" in output
    assert "Traceback" not in output


def test_a_terminal_shows_control_characters_and_emoji_codes_and_does_not_obey_them(
    rossmann: Run, retailer: Retailer
) -> None:
    retailer.land_raw()
    (retailer.incoming / "a\x1b[2J\u202e:x:.csv").touch()
    assert "a\\x1b[2J\\u202e:x:.csv (its name" in rossmann("data", "land")[1]
    retailer.write("sales_2015-06-12.csv", "\x1b[31mStore\x9b,:x:\n1,2\n")
    code, output = rossmann("data", "land")
    assert (code, "Found \\x1b[31mStore\\x9b, :x:;" in output) == (2, True)


def test_what_is_not_landed_is_named_with_the_reason(rossmann: Run, retailer: Retailer) -> None:
    rossmann("data", "land", str(retailer.raw))
    week = text(SALES_HEADER, sales_lines(date(2015, 6, 13), date(2015, 6, 19)))
    reasons = {
        "sales_2015-06-19.csv.gz": "compressed: unpack it",
        "sales_2015-06-19.zip": "compressed: unpack it",
        "sales_2015-06-19.xlsx": "a workbook: export it as CSV",
        "sales_2015-06-19 (1).csv": "is sales_2015-06-19.csv meant?",
        "sales_2015-06-19 - Kopie.csv": "is sales_2015-06-19.csv meant?",
        "sales_2015-06-19.CSV": "is sales_2015-06-19.csv meant?",
        "Sales_2015-06-19.csv": "is sales_2015-06-19.csv meant?",
        "sales_20150619.csv": "is sales_2015-06-19.csv meant?",
        "sales_19.06.2015.csv": "is sales_2015-06-19.csv meant?",
        "sales_20.06.2015.csv": "is sales_2015-06-20.csv meant?",
        "sales_2015-06-19.csv.txt": "is sales_2015-06-19.csv meant?",
        "TRAIN.csv": "is train.csv meant?",
        ".sales_2015-06-19.csv": "a hidden or temporary file",
        "sales_2015-06-19.csv.part": "an unfinished transfer",
        "turnover.csv": "its name is not one that is landed",
        "notes": "its name is not one that is landed",
    }
    for name in reasons:
        (retailer.incoming / name).write_text(week)
    (retailer.incoming / "2015-06").mkdir()
    (retailer.incoming / "2015-06" / "sales_2015-06-19.csv").write_text(week)
    (retailer.incoming / "empty").mkdir()
    (retailer.incoming / ".gitkeep").touch()
    for command in ("status", "land"):
        code, output = rossmann("data", command)
        assert code == 0
        flat = " ".join(output.split())
        for name, reason in reasons.items():
            assert name in flat
            assert reason in flat
        assert "a folder with 1 file: subfolders are not searched" in flat
        assert ".gitkeep" not in flat
        assert "empty" not in flat


def test_a_folder_that_is_not_there_is_an_error_that_names_its_variable(
    rossmann: Run, retailer: Retailer
) -> None:
    retailer.incoming.rmdir()
    code, output = rossmann("data", "land")
    assert code == 2
    assert "does not exist" in output
    assert "ROSSMANN_INCOMING_DIR" in output
    code, output = rossmann("data", "status")
    assert (code, "there is no folder of incoming files" in output) == (0, True)
    retailer.raw.rename(retailer.raw.with_name("elsewhere"))
    code, output = rossmann("refresh")
    assert code == 2
    assert "ROSSMANN_RAW_DIR" in output


def test_a_held_file_waits_for_accept(rossmann: Run, retailer: Retailer) -> None:
    rossmann("data", "land", str(retailer.raw))
    two_days = (date(2015, 6, 15), FRIDAY)
    week = [sales_line(store, day, 2000) for store in (1, 2, 3) for day in two_days]
    path = retailer.write("sales_2015-06-15.csv", text(SALES_HEADER, week))
    code, output = rossmann("data", "land")
    assert code == 3
    assert "restates 3 landed rows of 3 stores and 1 days" in " ".join(output.split())
    assert f"rossmann data land --accept {path}" in " ".join(output.split())
    assert retailer.query("SELECT count(*) FROM raw.loads") == [(3,)]
    code, output = rossmann("data", "land", "--accept", str(path))
    assert code == 0
    assert "accepted: it restates" in output
    ((by,),) = retailer.query("SELECT accepted_by FROM raw.loads WHERE load_id = 4")
    assert by
    assert rossmann("data", "land")[0] == 0


def test_a_withdrawn_file_lands_again_when_its_name_is_accepted(
    rossmann: Run, retailer: Retailer
) -> None:
    rossmann("data", "land", str(retailer.raw))
    week = [sales_line(store, date(2015, 6, 19), 4000) for store in (1, 2, 3)]
    retailer.write("sales_2015-06-19.csv", text(SALES_HEADER, week))
    assert rossmann("data", "land")[0] == 0
    code, output = rossmann("data", "withdraw", "sales_2015-06-19.csv", "--reason", "too early")
    assert (code, "no longer in force" in output) == (0, True)
    output = rossmann("data", "land")[1]
    assert "rossmann data land --accept sales_2015-06-19.csv" in " ".join(output.split())
    assert rossmann("data", "land", "--accept", "sales_2015-06-19.csv")[0] == 0
    assert retailer.query(
        "SELECT count(*) FROM raw.loads WHERE file_name = 'sales_2015-06-19.csv' "
        "AND withdrawn_on IS NULL"
    ) == [(1,)]
