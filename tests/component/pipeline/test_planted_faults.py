"""Faults are planted into one Monday's files, and the table says what noticed them."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support.replays import FIRST_MONDAY, StandInJob, live_settings, write_source

from benchmarks import planted_faults
from benchmarks.faults import FAULTS, UNTOUCHED, Drop, Fault
from benchmarks.planted_faults import Noticed, play_untouched, play_with, table
from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import PROJECT_DIR, Settings
from rossmann_ml.pipeline.replay import ReplayOptions, ReplayPlace, Source
from rossmann_ml.pipeline.replay.drops import write_bulk, write_drop
from rossmann_ml.warehouse.connection import connect

BY_NAME = {fault.name: fault for fault in FAULTS}
MONDAY = FIRST_MONDAY + timedelta(weeks=2)


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    raw = write_source(tmp_path / "raw")
    states = "Store,State\n1,BY\n2,BY\n3,HE\n4,BE\n5,BE\n"
    (raw / "store_states.csv").write_text(states + "6,BE\n")
    place = ReplayPlace(tmp_path / "replay")
    options, params = ReplayOptions(FIRST_MONDAY), load_params(PROJECT_DIR / "params.yaml")
    source = Source(raw)
    write_bulk(source, options, params, raw=place.raw_path, incoming=place.incoming_path)
    for number in (1, 2):
        write_drop(source, options, params, number=number, incoming=place.incoming_path)
    return Drop(place, MONDAY)


def rows(path: Path) -> dict[tuple[str, str], dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return {(row["Store"], row["Date"]): row for row in csv.DictReader(stream)}


def planted(drop: Drop, name: str, kind: str) -> tuple[dict, dict]:
    """The rows of a file before and after."""
    before = rows(drop.path(kind))
    BY_NAME[name].plant(drop)
    return before, rows(drop.path(kind))


def test_the_promo_flag_is_inverted_for_one_week_of_the_plan(drop: Drop):
    before, after = planted(drop, "promo-inverted", "plan")
    changed = {key for key, row in after.items() if row != before[key]}
    days = {day for _, day in changed}
    assert days == {str(MONDAY + timedelta(days=number)) for number in range(7)}
    assert all(after[key]["Promo"] != before[key]["Promo"] for key in changed)


def test_the_stores_of_the_largest_state_are_closed(drop: Drop):
    before, after = planted(drop, "state-closed", "sales")
    changed = {store for (store, _), row in after.items() if row["Open"] != "0"}
    assert changed == {"1", "2"}  # store 3 is away
    assert {row["Sales"] for (store, _), row in after.items() if store in "45"} == {"0"}
    assert before.keys() == after.keys()


def test_sales_are_in_thousands(drop: Drop):
    before, after = planted(drop, "thousands", "sales")
    for key, row in after.items():
        assert float(row["Sales"]) == pytest.approx(float(before[key]["Sales"]) / 1000)


def test_a_thursday_is_missing(drop: Drop):
    before, after = planted(drop, "day-missing", "sales")
    assert {day for _, day in before.keys() - after.keys()} == {"2015-02-12"}


@pytest.mark.parametrize(("name", "kind"), [("file-again", "sales"), ("plan-stale", "plan")])
def test_the_file_of_the_week_before_comes_again(drop: Drop, name: str, kind: str):
    _, after = planted(drop, name, kind)
    assert after == rows(drop.path(kind, weeks_back=1))


def test_the_rows_are_twice_in_the_file(drop: Drop):
    lines = drop.path("sales").read_text().splitlines()
    BY_NAME["file-twice"].plant(drop)
    assert drop.path("sales").read_text().splitlines() == [*lines, *lines[1:]]


def test_one_stores_sales_double(drop: Drop):
    before, after = planted(drop, "store-doubled", "sales")
    for key, row in after.items():
        factor = 2 if key[0] == "1" else 1
        assert int(row["Sales"]) == factor * int(before[key]["Sales"])


def _live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(planted_faults, "FIRST_MONDAY", FIRST_MONDAY)
    return live_settings(tmp_path, write_source(tmp_path / "raw"))


def test_only_the_faults_own_week_is_played_in_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    live, base = _live(tmp_path, monkeypatch), ReplayPlace(tmp_path / "base")
    play_untouched(live, base, weeks=2, run=StandInJob())
    seen = []
    fault = Fault("seen", "a fault that only looks", lambda drop: seen.append(drop.monday))
    job = StandInJob()
    for _ in range(2):  # what an earlier call left is replaced
        noticed = play_with(fault, live, base, weeks=2, run=job)
    assert [monday for monday, _ in job.calls] == seen == [MONDAY, MONDAY]
    assert len(base.done_weeks()) == 2
    assert noticed.found["job"] == noticed.found["checks"] == []
    # the stand-in lands nothing, as if both files had been sent before
    assert noticed.found["ingest"] == [
        "plan: the file brought nothing new", "sales: the file brought nothing new"
    ]  # fmt: skip


def test_what_stops_the_job_and_fails_a_check_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    live, base = _live(tmp_path, monkeypatch), ReplayPlace(tmp_path / "base")
    play_untouched(live, base, weeks=2, run=StandInJob())

    class Stopping(StandInJob):
        def __call__(self, place: ReplayPlace, live: Settings, *rest, **named):  # type: ignore[override, no-untyped-def]
            done = super().__call__(place, live, *rest, **named)
            with connect(place.settings(live)) as connection:
                connection.execute(
                    "INSERT INTO quality.data_quality_results BY NAME SELECT 'r' AS run_id, "
                    "now()::TIMESTAMP AS checked_at, 'dbt' AS tool, 'dbt' AS suite, "
                    "'core.fct' AS table_name, 'is_there' AS check_name, 'error' AS severity, "
                    "false AS is_success"
                )
            return replace(
                done, exit_code=9, run_id="r", failed_step="publish", reason="totals | jumped"
            )

    job = Stopping()
    fault = Fault("stopped", "a fault that is found", lambda _: None)
    noticed = play_with(fault, live, base, weeks=2, run=job)
    assert noticed.found["checks"] == ["dbt: is_there (core.fct, error)"]
    untouched = Noticed(UNTOUCHED, {place: [] for place in planted_faults.PLACES})
    lines = table([untouched, noticed]).splitlines()
    assert lines[2] == "| nothing planted | - | - | - | - | - | 0 |"
    assert "stopped in publish: totals \\| jumped" in lines[3]
    assert lines[3].endswith("| 3 |")
    again = table([noticed, Noticed(fault, noticed.found)]).splitlines()
    assert again[3] == "| a fault that is found | - | - | - | - | - | 0 |"
