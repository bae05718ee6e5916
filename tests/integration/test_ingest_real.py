"""Landing the real files: every row of them, in seconds."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from time import process_time

import pytest

from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.ingest import LandingReport, land_incoming, land_raw
from rossmann_ml.warehouse.connection import connect
from rossmann_ml.warehouse.session import Session

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, real_data_dir: Path) -> Settings:
    base = tmp_path_factory.mktemp("real")
    return load_settings(
        raw_dir=real_data_dir,
        incoming_dir=base / "incoming",
        warehouse_dir=base / "warehouse",
        state_dir=base / "state",
        as_of=None,
    )


@pytest.fixture(scope="module")
def report(place: Settings) -> LandingReport:
    return land_raw(Session(place))


def test_every_row_of_the_real_files_lands(
    place: Settings, report: LandingReport, real_data_dir: Path
) -> None:
    assert not any(file.quarantined for file in report.files)
    for landing in report.files:
        with (real_data_dir / landing.file_name).open("rb") as stream:
            assert landing.rows_landed == sum(1 for _ in stream) - 1
    with connect(place, read_only=True) as connection:
        open_without_sales = connection.execute(
            "SELECT count(*) FROM raw.sales WHERE open = 1 AND sales = 0"
        ).fetchall()
        known_late = connection.execute(
            "SELECT count(*) FROM raw.sales WHERE known_on <> date"
        ).fetchall()
    # stored like any other row: it is dbt that flags them
    assert 0 < open_without_sales[0][0] <= 54
    assert known_late == [(0,)]


def test_the_real_files_are_recognised_at_once_when_offered_again(
    place: Settings, report: LandingReport
) -> None:
    started = process_time()
    again = land_raw(Session(place))
    assert process_time() - started < 3
    assert all(file.was_landed_before for file in again.files)
    assert len(again.files) == len(report.files)


def test_a_newer_whole_file_replaces_the_former_one_and_takes_back_what_it_lacks(
    place: Settings, report: LandingReport, real_data_dir: Path
) -> None:
    lines = (real_data_dir / "train.csv").read_text(encoding="utf-8").splitlines()
    store, weekday, day, sales, rest = lines[1].split(",", 4)
    lines[1] = ",".join((store, weekday, day, str(int(sales) + 1), rest))
    del lines[500:600]
    folder = place.warehouse_path.parent / "newer"
    folder.mkdir()
    (folder / "train.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    (landing,) = land_incoming(Session(place), paths=[folder / "train.csv"]).files
    assert (landing.rows_landed, landing.rows_restated, landing.rows_taken_back) == (1, 1, 100)
    assert landing.rows_unchanged == landing.rows_read - 1
    with connect(place, read_only=True) as connection:
        for table, figure in (("sales", float(sales) + 1), ("former_sales", float(sales))):
            assert connection.execute(
                f"SELECT sales, known_on = date FROM raw.{table} WHERE store = ? AND date = ?",
                [int(store), date.fromisoformat(day)],
            ).fetchall() == [(figure, True)]
