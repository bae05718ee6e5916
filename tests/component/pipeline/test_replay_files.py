"""What a simulated Monday brings: nothing of what came after, and all of what was known."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from support.replays import (
    AWAY_FROM,
    AWAY_TO,
    FIRST_DAY,
    FIRST_MONDAY,
    HOLE,
    LAST_DAY,
    STORE_AWAY,
    STORE_WITH_A_HOLE,
    WEEKS,
    is_reported,
    live_settings,
    sales_of,
    write_source,
)

from rossmann_ml.base.errors import BadFileError, NoDataError, SettingsError
from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.ingest import land_incoming, land_raw
from rossmann_ml.pipeline.replay import ReplayOptions, ReplayPlace, Source
from rossmann_ml.pipeline.replay.drops import write_bulk, write_drop
from rossmann_ml.warehouse.connection import connect
from rossmann_ml.warehouse.session import Session

PARAMS = load_params(PROJECT_DIR / "params.yaml")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return Source(write_source(tmp_path_factory.mktemp("source") / "raw"))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def bring(source: Source, folder: Path, weeks: int, **options: object) -> ReplayOptions:
    """Write what the first Mondays bring."""
    chosen = ReplayOptions(FIRST_MONDAY, **options)  # type: ignore[arg-type]
    raw, incoming = folder / "raw", folder / "incoming"
    write_bulk(source, chosen, PARAMS, raw=raw, incoming=incoming)
    for number in range(1, weeks):
        write_drop(source, chosen, PARAMS, number=number, incoming=incoming)
    return chosen


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_history_ends_the_day_before_the_first_monday(source: Source, tmp_path: Path):
    bring(source, tmp_path, 1)
    days = {row["Date"] for row in rows(tmp_path / "raw" / "train.csv")}
    assert (min(days), max(days)) == (str(FIRST_DAY), "2015-02-01")


def test_the_plan_is_the_six_weeks_from_the_monday_and_holds_no_sales(
    source: Source, tmp_path: Path
):
    bring(source, tmp_path, 2)
    for path, first in (
        (tmp_path / "raw" / "test.csv", FIRST_MONDAY),
        (tmp_path / "incoming" / "plan_2015-02-09.csv", date(2015, 2, 9)),
    ):
        planned = rows(path)
        days = {row["Date"] for row in planned}
        assert (min(days), max(days)) == (str(first), str(first + timedelta(days=41)))
        assert not {"Sales", "Customers"} & set(planned[0])
        promo = {row["Promo"] for row in planned if row["Date"] == str(first)}
        assert promo == {str(int(first.isocalendar().week % 2 == 0))}


def test_after_the_sales_the_plan_comes_from_its_own_file(source: Source, tmp_path: Path):
    bring(source, tmp_path, WEEKS)
    planned = rows(tmp_path / "incoming" / "plan_2015-03-30.csv")
    assert {row["Date"] for row in planned} == {
        str(date(2015, 3, 30) + timedelta(days=day)) for day in range(42)
    }
    assert len(planned) == 5 * 42


def test_a_monday_brings_the_week_before(source: Source, tmp_path: Path):
    bring(source, tmp_path, 3)
    for monday in (date(2015, 2, 9), date(2015, 2, 16)):
        brought = rows(tmp_path / "incoming" / f"sales_{monday}.csv")
        days = {row["Date"] for row in brought}
        assert (min(days), max(days)) == (
            str(monday - timedelta(days=7)),
            str(monday - timedelta(days=1)),
        )


@pytest.mark.parametrize("disturbed", [{}, {"late_share": 0.3, "restated_share": 0.2}])
def test_what_mondays_bring_does_not_change_when_later_sales_do(
    source: Source, tmp_path: Path, disturbed: dict[str, float]
):
    last = FIRST_MONDAY + timedelta(weeks=3)

    def tripled_later(store: int, day: date) -> int:
        return sales_of(store, day) * (3 if day >= last else 1)

    other = Source(write_source(tmp_path / "other", tripled_later))
    bring(source, tmp_path / "a", 4, **disturbed)
    bring(other, tmp_path / "b", 4, **disturbed)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    bring(other, tmp_path / "b", 5, **disturbed)
    bring(source, tmp_path / "a", 5, **disturbed)
    assert contents(tmp_path / "a") != contents(tmp_path / "b")


def test_a_monday_brings_the_same_bytes_when_it_is_played_again(source: Source, tmp_path: Path):
    options = bring(source, tmp_path, 3, late_share=0.3, restated_share=0.2)
    before = contents(tmp_path)
    write_drop(source, options, PARAMS, number=2, incoming=tmp_path / "incoming")
    assert contents(tmp_path) == before


def test_another_seed_disturbs_other_rows(source: Source, tmp_path: Path):
    bring(source, tmp_path / "a", 3, restated_share=0.5)
    bring(source, tmp_path / "b", 3, restated_share=0.5, seed=8)
    assert contents(tmp_path / "a") != contents(tmp_path / "b")


def test_late_and_misreported_rows_are_right_a_week_later(source: Source, tmp_path: Path):
    """Every day except those of the newest week ends with its actual sales in the warehouse."""
    options = bring(source, tmp_path, WEEKS, late_share=0.3, restated_share=0.2)
    place, live = ReplayPlace(tmp_path), live_settings(tmp_path, source.folder)
    last = options.monday(WEEKS - 1)
    land_raw(Session(place.settings(live, monday=FIRST_MONDAY), PARAMS))
    restated = 0
    for number in range(1, WEEKS):
        settings = place.settings(live, monday=options.monday(number))
        path = place.incoming_path / f"sales_{options.monday(number)}.csv"
        (landing,) = land_incoming(Session(settings, PARAMS), accept=[path], actor="test").files
        restated += landing.rows_restated
    with connect(settings, read_only=True) as connection:
        landed = connection.execute(
            "SELECT store, date, arg_max(sales, load_id), min(known_on) FROM raw.sales GROUP BY ALL"
        ).fetchall()
    in_time = {(store, day): (sales, known) for store, day, sales, known in landed}
    settled = last - timedelta(days=7)
    expected = {
        (store, FIRST_DAY + timedelta(days=number))
        for store in range(1, 6)
        for number in range((settled - FIRST_DAY).days)
        if is_reported(store, FIRST_DAY + timedelta(days=number))
    }
    assert {key for key in in_time if key[1] < settled} == expected
    assert all(in_time[key][0] == sales_of(*key) for key in expected)
    newest = [sales != sales_of(*key) for key, (sales, _) in in_time.items() if key[1] >= settled]
    assert any(newest)
    assert restated > 0
    lateness = {
        known - (day - timedelta(days=day.weekday()) + timedelta(days=7))
        for (_, day), (_, known) in in_time.items()
        if day >= FIRST_MONDAY
    }
    assert lateness == {timedelta(0), timedelta(days=7)}
    assert all(known == day for (_, day), (_, known) in in_time.items() if day < FIRST_MONDAY)


def test_a_store_that_comes_back_is_planned_from_then_on(source: Source, tmp_path: Path):
    bring(source, tmp_path, 2)
    for name in ("raw/test.csv", "incoming/plan_2015-02-09.csv"):
        planned = [row["Date"] for row in rows(tmp_path / name) if row["Store"] == str(STORE_AWAY)]
        assert min(planned) == str(AWAY_TO + timedelta(days=1))


def test_a_store_that_is_away_for_the_whole_plan_is_not_in_it(tmp_path: Path):
    folder = write_source(tmp_path / "raw")
    lines = (folder / "train.csv").read_text().splitlines(keepends=True)
    kept = [line for line in lines if not (line.startswith("3,") and line[4:11] >= "2015-02")]
    (folder / "train.csv").write_text("".join(kept))
    bring(Source(folder), tmp_path / "brought", 1)
    planned = rows(tmp_path / "brought" / "raw" / "test.csv")
    assert {row["Store"] for row in planned} == {"1", "2", "4", "5"}
    assert AWAY_FROM < FIRST_MONDAY


def test_a_single_day_without_rows_is_a_hole_and_not_a_closing(source: Source, tmp_path: Path):
    bring(source, tmp_path, 1)
    planned = {(row["Store"], row["Date"]) for row in rows(tmp_path / "raw" / "test.csv")}
    assert (str(STORE_WITH_A_HOLE), str(HOLE)) not in planned
    assert ("1", str(HOLE)) in planned


def test_a_samples_marker_goes_with_the_files(tmp_path: Path):
    folder = write_source(tmp_path / "raw")
    marker = '{"name": "sample-5-1", "is_synthetic": true, "is_historical": true}'
    (folder / "dataset.json").write_text(marker)
    (folder / "store_states.csv").write_text("Store,State\n1,BY\n")
    source = Source(folder)
    bring(source, tmp_path / "brought", 1)
    assert source.data_set_name == "sample-5-1"
    for name in ("raw", "incoming"):
        assert (tmp_path / "brought" / name / "dataset.json").read_text() == marker
    assert (tmp_path / "brought" / "raw" / "store_states.csv").exists()


def test_without_a_plan_of_its_own_the_plan_ends_with_the_sales(tmp_path: Path):
    folder = write_source(tmp_path / "raw")
    (folder / "test.csv").unlink()
    source = Source(folder)
    bring(source, tmp_path / "brought", WEEKS)
    planned = rows(tmp_path / "brought" / "incoming" / "plan_2015-03-30.csv")
    assert max(row["Date"] for row in planned) == str(LAST_DAY)
    assert "test.csv" not in source.fingerprints()
    assert source.data_set_name == "retailer"


def test_a_first_day_that_is_no_monday_is_refused_with_the_nearest_mondays():
    with pytest.raises(SettingsError, match=r"is a Wednesday.*2015-02-02 and 2015-02-09"):
        ReplayOptions(date(2015, 2, 4))


def test_a_replay_ends_with_the_last_whole_week(source: Source):
    assert source.weeks_from(FIRST_MONDAY) == WEEKS


@pytest.mark.parametrize("first", [date(2015, 1, 5), date(2015, 4, 6)])
def test_a_first_monday_outside_the_sales_is_refused(source: Source, first: date):
    with pytest.raises(NoDataError, match="2015-01-05 to 2015-04-03"):
        source.weeks_from(first)


def _without_stores(folder: Path) -> None:
    (folder / "store.csv").unlink()


def _without_promo(folder: Path) -> None:
    path = folder / "train.csv"
    path.write_text(path.read_text().replace("Promo", "Aktion", 1))


def _with_a_day_that_is_none(folder: Path) -> None:
    path = folder / "train.csv"
    path.write_text(path.read_text().replace("2015-02-10", "2015-02-30", 1))


def _without_rows(folder: Path) -> None:
    path = folder / "train.csv"
    path.write_text(path.read_text().splitlines(keepends=True)[0])


@pytest.mark.parametrize(
    ("spoil", "kind", "said"),
    [
        (_without_stores, NoDataError, "no store.csv"),
        (_without_promo, BadFileError, "no column Promo; found Store"),
        (_with_a_day_that_is_none, BadFileError, "2015-02-30"),
        (_without_rows, NoDataError, "holds no rows"),
    ],
)
def test_files_that_cannot_be_played_are_refused(
    tmp_path: Path, spoil: Callable[[Path], None], kind: type[Exception], said: str
):
    folder = write_source(tmp_path / "raw")
    spoil(folder)
    with pytest.raises(kind, match=said):
        Source(folder).weeks_from(FIRST_MONDAY)
