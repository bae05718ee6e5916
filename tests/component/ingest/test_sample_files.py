"""The sample's files have the competition's form, are repeatable and never replace real data."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from filelock import FileLock
from support.sample_files import read

from rossmann_ml.base.errors import BusyError, RefusedError, SettingsError
from rossmann_ml.cli import main
from rossmann_ml.ingest.sample import write_sample, writer

DATA_FILES = ("train.csv", "store.csv", "test.csv", "store_states.csv")


def small(folder: Path, **changes: object) -> Path:
    arguments = {"stores": 6, "seed": 3, "first_date": date(2015, 4, 1)} | changes
    write_sample(folder, **arguments)  # type: ignore[arg-type]
    return folder


def test_the_files_are_quoted_as_the_competition_quotes_them(sample_dir: Path) -> None:
    first_lines = {name: (sample_dir / name).read_text().split("\n")[:2] for name in DATA_FILES}
    assert first_lines["train.csv"][0] == (
        '"Store","DayOfWeek","Date","Sales","Customers","Open","Promo",'
        '"StateHoliday","SchoolHoliday"'
    )
    assert first_lines["test.csv"][0] == (
        '"Id","Store","DayOfWeek","Date","Open","Promo","StateHoliday","SchoolHoliday"'
    )
    assert first_lines["store_states.csv"][0] == "Store,State"
    assert first_lines["train.csv"][1].startswith("1,5,2015-06-19,")
    assert first_lines["train.csv"][1].endswith(',"0","0"')
    assert first_lines["test.csv"][1].startswith("1,1,4,2015-08-06,1,1,")
    assert ',,,0,,,""\n' in (sample_dir / "store.csv").read_text()


@pytest.mark.real_data
def test_the_headers_and_types_are_those_of_the_real_files(
    sample_dir: Path, real_data_dir: Path
) -> None:
    for name in DATA_FILES:
        made, real = read(sample_dir, name), read(real_data_dir, name)
        assert made.schema == real.schema, name
    header_of = {d: (d / "train.csv").read_bytes()[:90] for d in (sample_dir, real_data_dir)}
    assert header_of[sample_dir] == header_of[real_data_dir]


def test_rows_come_newest_day_first_and_within_a_day_by_store(sample_dir: Path) -> None:
    for name in ("train.csv", "test.csv"):
        frame = read(sample_dir, name).select("Date", "Store")
        assert frame.equals(frame.sort("Date", "Store", descending=[True, False])), name
        assert frame.is_unique().all(), name
    ids = read(sample_dir, "test.csv")["Id"]
    assert ids.to_list() == list(range(1, len(ids) + 1))


def test_the_default_days_are_those_of_the_competition(sample_dir: Path) -> None:
    sales, plan = read(sample_dir, "train.csv")["Date"], read(sample_dir, "test.csv")["Date"]
    assert (sales.min(), sales.max()) == (date(2013, 1, 1), date(2015, 6, 19))
    assert (plan.min(), plan.max()) == (date(2015, 6, 20), date(2015, 8, 6))
    assert plan.value_counts()["count"].to_list() == [40] * 48


def test_the_marker_says_that_the_data_is_synthetic(sample_dir: Path) -> None:
    marker = json.loads((sample_dir / "dataset.json").read_text())
    assert marker["name"] == "sample-40-7"
    assert marker["is_synthetic"] is True
    assert marker["is_historical"] is True
    assert marker["sales_rows"] == read(sample_dir, "train.csv").height


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    first, again = small(tmp_path / "first"), small(tmp_path / "again")
    other = small(tmp_path / "other", seed=4)
    for name in (*DATA_FILES, "dataset.json"):
        assert (first / name).read_bytes() == (again / name).read_bytes()
    for name in ("train.csv", "store.csv", "store_states.csv"):
        assert (first / name).read_bytes() != (other / name).read_bytes()


@pytest.mark.parametrize("days_per_block", [1, 7, 47, 79])
def test_the_size_of_blocks_changes_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days_per_block: int
) -> None:
    whole = small(tmp_path / "whole")
    monkeypatch.setattr(writer, "_ROWS_PER_BLOCK", 6 * days_per_block)
    blocks = small(tmp_path / "blocks")
    for name in DATA_FILES:
        assert (whole / name).read_bytes() == (blocks / name).read_bytes()


def test_a_store_is_the_same_in_a_larger_chain_and_a_longer_history(tmp_path: Path) -> None:
    few = small(tmp_path / "few")
    many = small(tmp_path / "many", stores=50, first_date=date(2015, 2, 1))
    for name in DATA_FILES:
        expected = read(few, name).drop("Id", strict=False)
        found = read(many, name).drop("Id", strict=False).filter(pl.col("Store") <= 6)
        if "Date" in found.columns:
            found = found.filter(pl.col("Date") >= date(2015, 4, 1))
        assert found.equals(expected), name


def test_the_plan_of_a_period_equals_its_later_sales_rows(tmp_path: Path) -> None:
    columns = ["Store", "DayOfWeek", "Date", "Open", "Promo", "StateHoliday", "SchoolHoliday"]
    early = small(tmp_path / "early", last_date=date(2015, 5, 2), stores=30)
    late = small(tmp_path / "late", stores=30)
    plan = read(early, "test.csv").filter(pl.col("Date") <= date(2015, 6, 19))
    happened = read(late, "train.csv").filter(pl.col("Date") > date(2015, 5, 2))
    assert plan.height == 30 * 48
    assert plan.select(columns).equals(happened.select(columns))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"stores": 0}, "1 to 1,000,000 stores, not 0"),
        ({"stores": 10**9}, "not 1,000,000,000"),
        ({"seed": -1}, "0 or more, not -1"),
        ({"first_date": date(2015, 6, 20)}, "2015-06-19 is before the first 2015-06-20"),
        ({"first_date": date(1900, 1, 1)}, "not 1900-01-01"),
        ({"plan_days": 0}, "1 to 365 days, not 0"),
        ({"plan_days": 366}, "not 366"),
    ],
)
def test_arguments_out_of_range_are_refused_before_anything_is_written(
    tmp_path: Path, wrong: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        small(tmp_path / "new", **wrong)
    assert not (tmp_path / "new").exists()


def test_a_folder_with_files_that_are_not_a_sample_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("the retailer's own")
    with pytest.raises(RefusedError, match=r"holds train\.csv and no dataset\.json"):
        small(tmp_path)
    (tmp_path / "dataset.json").write_text('{"name": "retailer", "is_synthetic": false}')
    with pytest.raises(RefusedError, match="never mixed"):
        small(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dataset.json", "train.csv"]
    assert (tmp_path / "train.csv").read_text() == "the retailer's own"


def test_a_sample_is_replaced_by_another(tmp_path: Path) -> None:
    small(tmp_path)
    small(tmp_path, stores=9)
    assert json.loads((tmp_path / "dataset.json").read_text())["name"] == "sample-9-3"
    assert read(tmp_path, "train.csv")["Store"].max() == 9


def test_after_an_interruption_the_older_sample_stays_complete(tmp_path: Path) -> None:
    small(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in writer.FILES}

    def interrupt(done: int, total: int) -> None:
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small(tmp_path, stores=9, progress=interrupt)
    assert {name: (tmp_path / name).read_bytes() for name in writer.FILES} == before
    visible = {path.name for path in tmp_path.iterdir() if path.suffix != ".lock"}
    assert visible == set(writer.FILES)


def test_progress_counts_every_store_day_up_to_the_total(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_ROWS_PER_BLOCK", 60)
    seen: list[tuple[int, int]] = []
    small(tmp_path, progress=lambda done, total: seen.append((done, total)))
    expected = 6 * (80 + 48)
    assert seen[-1] == (expected, expected)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len(seen) > 5


def test_the_command_lists_the_synthetic_files_and_the_next_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "made"
    command = f"rossmann data sample --stores 5 --seed 1 --days 30 --out {folder}"
    monkeypatch.setattr(sys, "argv", command.split())
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    output = capsys.readouterr().out
    assert "Synthetic data, sample-5-1" in output
    assert "150 rows, 2015-05-21 to 2015-06-19" in output
    assert f"Next: ROSSMANN_RAW_DIR={folder} rossmann refresh" in output
    assert read(folder, "train.csv").height == 150


def test_the_command_makes_other_days_and_the_marker_records_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "made"
    command = f"rossmann data sample --stores 3 --seed 1 --out {folder} --plan-days 20"
    command += " --first-date 2019-02-01 --last-date 2020-02-29"
    monkeypatch.setattr(sys, "argv", command.split())
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    sales, plan = read(folder, "train.csv")["Date"], read(folder, "test.csv")["Date"]
    assert (sales.min(), sales.max()) == (date(2019, 2, 1), date(2020, 2, 29))
    assert (plan.min(), plan.max()) == (date(2020, 3, 1), date(2020, 3, 20))
    marker = json.loads((folder / "dataset.json").read_text())
    assert (marker["first_date"], marker["last_date"]) == ("2019-02-01", "2020-02-29")
    assert marker["plan_last_date"] == "2020-03-20"


def test_a_day_has_the_same_rows_whatever_the_last_day_is(tmp_path: Path) -> None:
    short = read(small(tmp_path / "short", last_date=date(2015, 5, 2), plan_days=3), "train.csv")
    long = read(small(tmp_path / "long", last_date=date(2016, 2, 1)), "train.csv")
    assert long.filter(pl.col("Date") <= date(2015, 5, 2)).equals(short)


@pytest.mark.parametrize(
    "wrong",
    [
        "--stores 0",
        "--seed -1",
        "--days 0",
        "--days 99999999",
        "--out /dev/null/sample",
        "--first-date 2016-01-01",
        "--first-date 1989-12-31",
        "--last-date 2012-12-31",
        "--last-date 2099-12-31",
        "--plan-days 0",
        "--days 5 --first-date 2015-01-01",
    ],
)
def test_a_wrong_argument_ends_the_command_with_a_message_and_no_traceback(
    wrong: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = f"rossmann data sample --out {tmp_path / 'new'} {wrong}"
    monkeypatch.setattr(sys, "argv", command.split())
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == SettingsError.exit_code
    assert "error:" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_two_processes_cannot_write_a_sample_to_the_same_folder(tmp_path: Path) -> None:
    with (
        FileLock(tmp_path / ".making.lock"),
        pytest.raises(BusyError, match="another process is making a sample"),
    ):
        small(tmp_path)
    small(tmp_path)
