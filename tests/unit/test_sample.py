"""The synthetic sample: the competition's form, believable, repeatable, never over real data."""

from __future__ import annotations

import json
import sys
from datetime import date, timedelta
from pathlib import Path

import holidays
import polars as pl
import pytest
from filelock import FileLock

from rossmann_ml.cli import main
from rossmann_ml.errors import DataSetMismatchError, SettingsError
from rossmann_ml.sample import write_sample, writer

DATA_FILES = ("train.csv", "store.csv", "test.csv", "store_states.csv")
TEXT = {"StateHoliday": pl.String, "SchoolHoliday": pl.String}


def read(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_csv(folder / name, try_parse_dates=True, schema_overrides=TEXT)


def small(folder: Path, **changes: object) -> Path:
    arguments = {"stores": 6, "seed": 3, "first_date": date(2015, 4, 1)} | changes
    write_sample(folder, **arguments)  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="module")
def sales(sample_dir: Path) -> pl.DataFrame:
    stores, states = read(sample_dir, "store.csv"), read(sample_dir, "store_states.csv")
    return read(sample_dir, "train.csv").join(stores, on="Store").join(states, on="Store")


@pytest.fixture(scope="module")
def sold(sales: pl.DataFrame) -> pl.DataFrame:
    return sales.filter(pl.col("Sales") > 0)


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
def test_how_the_work_is_cut_into_blocks_changes_no_byte(
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


def test_what_was_planned_is_what_happened(tmp_path: Path) -> None:
    columns = ["Store", "DayOfWeek", "Date", "Open", "Promo", "StateHoliday", "SchoolHoliday"]
    early = small(tmp_path / "early", last_date=date(2015, 5, 2), stores=30)
    late = small(tmp_path / "late", stores=30)
    plan = read(early, "test.csv").filter(pl.col("Date") <= date(2015, 6, 19))
    happened = read(late, "train.csv").filter(pl.col("Date") > date(2015, 5, 2))
    assert plan.height == 30 * 48
    assert plan.select(columns).equals(happened.select(columns))


def test_closed_days_sell_nothing_and_open_days_almost_always_sell(sales: pl.DataFrame) -> None:
    closed = sales.filter(pl.col("Open") == 0)
    assert closed.select(pl.col("Sales").sum() + pl.col("Customers").sum()).item() == 0
    is_open = sales.filter(pl.col("Open") == 1)
    unsold = is_open.filter(pl.col("Sales") == 0)
    assert 0 < unsold.height < 0.0005 * is_open.height
    assert unsold["Customers"].sum() == 0


def test_the_day_of_week_is_that_of_the_date(sales: pl.DataFrame) -> None:
    assert (sales["Date"].dt.weekday() == sales["DayOfWeek"]).all()


def test_promotions_run_monday_to_friday_of_every_second_week_for_the_whole_chain(
    sales: pl.DataFrame,
) -> None:
    assert (
        sales.group_by("Date").agg(pl.col("Promo").n_unique())["Promo"].to_list()
        == [1] * sales["Date"].n_unique()
    )
    assert sales.filter(pl.col("DayOfWeek") > 5)["Promo"].sum() == 0
    is_promo = dict(sales.select("Date", "Promo").unique().iter_rows())
    # from the first Monday
    for day in (date(2013, 1, 7) + timedelta(days=n) for n in range(850)):
        if day.isoweekday() <= 5:
            assert is_promo[day] == 1 - is_promo[day + timedelta(days=7)]


def test_promotions_raise_sales_most_on_mondays(sold: pl.DataFrame) -> None:
    means = sold.filter(pl.col("DayOfWeek") <= 5).group_by("DayOfWeek", "Promo")
    by_day = dict(
        means.agg(pl.col("Sales").mean())
        .pivot("Promo", index="DayOfWeek", values="Sales")
        .select("DayOfWeek", pl.col("1") / pl.col("0"))
        .iter_rows()
    )
    assert 1.4 < by_day[1] < 1.8
    assert all(ratio > 1.1 for ratio in by_day.values())
    assert by_day[1] == max(by_day.values())


def test_public_holidays_are_those_of_the_state(sales: pl.DataFrame) -> None:
    states = sales["State"].unique().to_list()
    assert len(states) > 5
    for state in states:
        expected = holidays.country_holidays(
            "DE", subdiv=state.split(",")[-1], years=(2013, 2014, 2015)
        )
        of_state = sales.filter(pl.col("State") == state)
        marked = of_state.filter(pl.col("StateHoliday") != "0")
        # all stores of a small state may be closed for refurbishment at the same time
        assert set(marked["Date"]) == set(of_state["Date"]) & set(expected), state
    codes = dict(
        sales.filter(pl.col("StateHoliday") != "0").select("Date", "StateHoliday").iter_rows()
    )
    assert codes[date(2013, 12, 25)] == codes[date(2014, 12, 26)] == "c"
    assert codes[date(2014, 4, 18)] == codes[date(2015, 4, 6)] == "b"
    assert codes[date(2014, 5, 1)] == codes[date(2013, 1, 1)] == "a"


def test_few_stores_open_on_sundays_and_public_holidays(sales: pl.DataFrame) -> None:
    weekday = sales.filter((pl.col("DayOfWeek") < 7) & (pl.col("StateHoliday") == "0"))
    sunday = sales.filter(pl.col("DayOfWeek") == 7)
    holiday = sales.filter(pl.col("StateHoliday") != "0")
    assert weekday["Open"].mean() > 0.97
    assert 0 < sunday["Open"].mean() < 0.12
    assert holiday["Open"].mean() < 0.12
    assert set(sunday.filter(pl.col("Open") == 1)["StoreType"]) >= {"b"}


def test_some_stores_are_shut_for_one_spell_whose_days_are_rows(sales: pl.DataFrame) -> None:
    # Christmas and Sundays never make more than four closed days in a row
    runs = sales.sort("Store", "Date").with_columns(pl.col("Open").rle_id().alias("run"))
    spells = runs.filter(pl.col("Open") == 0).group_by("Store", "run").len()
    long = spells.filter(pl.col("len") > 7)
    assert long["Store"].is_unique().all()
    assert 0.05 < long.height / 40 < 0.3
    assert long["len"].max() <= 37 + 6


def test_school_holidays_differ_between_states_and_are_on_weekdays(sales: pl.DataFrame) -> None:
    free = sales.filter(pl.col("SchoolHoliday") == "1")
    assert free["DayOfWeek"].max() == 5
    assert 0.14 < free.height / sales.height < 0.22
    in_july = {
        state: tuple(days.filter(pl.col("Date").is_between(date(2013, 6, 20), date(2013, 9, 15))))
        for state, days in (
            (key[0], frame["Date"].unique().sort().to_frame())
            for key, frame in free.group_by("State")
        )
    }
    starts = {days[0][0] for days in in_july.values()}
    assert len(starts) >= 4
    assert all(30 <= len(days[0]) <= 33 for days in in_july.values())


def test_refurbished_stores_miss_the_second_half_of_2014_and_only_that(
    sales: pl.DataFrame,
) -> None:
    every_day = pl.date_range(date(2013, 1, 1), date(2015, 6, 19), eager=True)
    gap = set(pl.date_range(date(2014, 7, 1), date(2014, 12, 31), eager=True))
    rows = sales.group_by("Store").agg("Date")
    missing = {store: set(every_day) - set(days) for store, days in rows.iter_rows()}
    assert all(days in (set(), gap) for days in missing.values())
    assert 0.10 <= sum(days == gap for days in missing.values()) / 40 <= 0.22


def test_december_rises_until_christmas(sold: pl.DataFrame) -> None:
    promo_mondays = sold.filter((pl.col("Promo") == 1) & (pl.col("DayOfWeek") == 1))
    chain = dict(promo_mondays.group_by("Date").agg(pl.col("Sales").mean()).iter_rows())
    autumn = (chain[date(2013, 10, 14)] + chain[date(2013, 9, 16)]) / 2
    assert autumn * 1.05 < chain[date(2013, 12, 9)] < chain[date(2013, 12, 23)]
    assert chain[date(2013, 12, 23)] > 1.4 * autumn


def test_store_types_differ_in_what_a_customer_spends(sold: pl.DataFrame) -> None:
    spend = dict(
        sold.group_by("StoreType").agg((pl.col("Sales") / pl.col("Customers")).median()).iter_rows()
    )
    assert set(spend) == {"a", "b", "c", "d"}
    assert spend["b"] < spend["a"] < spend["d"]


def test_attributes_of_stores_are_complete_where_the_competition_s_are(tmp_path: Path) -> None:
    write_sample(tmp_path, stores=2000, seed=7, first_date=date(2015, 6, 15))
    stores = read(tmp_path, "store.csv")
    assert set(stores["Assortment"]) == {"a", "b", "c"}
    assert stores.filter((pl.col("Assortment") == "b") & (pl.col("StoreType") != "b")).is_empty()
    with_promo2, without = (
        stores.partition_by("Promo2", as_dict=True)[(1,)],
        stores.filter(pl.col("Promo2") == 0),
    )
    assert set(with_promo2["PromoInterval"]) == {
        "Jan,Apr,Jul,Oct",
        "Feb,May,Aug,Nov",
        "Mar,Jun,Sept,Dec",
    }
    assert with_promo2["Promo2SinceWeek"].is_between(1, 52).all()
    assert with_promo2["Promo2SinceYear"].is_between(2009, 2014).all()
    assert without.select("Promo2SinceWeek", "Promo2SinceYear").null_count().row(0) == (
        without.height,
        without.height,
    )
    since = stores.filter(pl.col("CompetitionOpenSinceYear").is_not_null())
    assert 0.6 < since.height / 2000 < 0.75
    assert since["CompetitionOpenSinceMonth"].is_between(1, 12).all()
    assert since.filter(pl.col("CompetitionOpenSinceYear") < 1990).height > 0
    assert since.filter(pl.col("CompetitionOpenSinceYear") >= 2013).height > 200
    assert 0 < stores["CompetitionDistance"].null_count() < 20
    assert stores["CompetitionDistance"].drop_nulls().min() >= 20
    assert "HB,NI" in set(read(tmp_path, "store_states.csv")["State"])


@pytest.fixture(scope="module")
def large_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough stores for effects of a few percent to stand out of the noise."""
    folder = tmp_path_factory.mktemp("large")
    write_sample(folder, stores=1500, seed=7, first_date=date(2014, 1, 1))
    return folder


def test_a_new_competitor_nearby_lowers_sales(large_dir: Path) -> None:
    sold = read(large_dir, "train.csv").filter(pl.col("Sales") > 0)
    stores = read(large_dir, "store.csv")
    opened = (pl.col("CompetitionOpenSinceYear") - 2014) * 12 + pl.col("CompetitionOpenSinceMonth")
    near = stores.filter(opened.is_between(5, 9) & (pl.col("CompetitionDistance") < 3000))
    assert near.height > 20

    def growth(frame: pl.DataFrame) -> float:
        # the same months of both years, before and long after the openings
        spring = frame.filter(pl.col("Date").dt.month().is_between(1, 4))
        by_year = dict(spring.group_by(pl.col("Date").dt.year()).agg(pl.col("Sales").mean()).rows())
        return by_year[2015] / by_year[2014]

    others = sold.join(near, on="Store", how="anti")
    assert growth(sold.join(near, on="Store", how="semi")) < growth(others) - 0.03


def test_a_promo2_round_raises_sales_in_the_months_of_its_interval(large_dir: Path) -> None:
    months = pl.col("Date").dt.strftime("%Y-%m")
    sold = read(large_dir, "train.csv").filter((pl.col("Sales") > 0) & (pl.col("DayOfWeek") < 7))
    stores = read(large_dir, "store.csv")

    def april_over_may(interval: str | None) -> float:
        chosen = stores.filter(pl.col("PromoInterval").eq_missing(interval))
        days = sold.join(chosen, on="Store", how="semi").group_by(months.alias("month"))
        logs = dict(days.agg(pl.col("Sales").log().mean()).iter_rows())
        return logs["2015-04"] - logs["2015-05"]

    without = april_over_may("")
    assert 0.01 < april_over_may("Jan,Apr,Jul,Oct") - without < 0.06
    assert -0.06 < april_over_may("Feb,May,Aug,Nov") - without < -0.01
    assert abs(april_over_may("Mar,Jun,Sept,Dec") - without) < 0.01


def test_a_median_forecasts_about_as_well_as_on_real_sales(sold: pl.DataFrame) -> None:
    origin = date(2015, 6, 19) - timedelta(days=42)
    keys = ["Store", "DayOfWeek", "Promo"]
    year = sold.filter(pl.col("Date").is_between(origin - timedelta(days=364), origin))
    medians = year.group_by(keys).agg(pl.col("Sales").median().alias("forecast"))
    window = sold.filter(pl.col("Date") > origin).join(medians, on=keys)
    error = (pl.col("Sales") - pl.col("forecast")) / pl.col("Sales")
    assert 0.10 < window.select((error**2).mean().sqrt()).item() < 0.16


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"stores": 0}, "1 to 1,000,000 stores, not 0"),
        ({"stores": 10**9}, "not 1,000,000,000"),
        ({"seed": -1}, "0 or more, not -1"),
        ({"plan_days": 0}, "1 to 366 days, not 0"),
        ({"first_date": date(2015, 6, 20)}, "2015-06-19 is before the first 2015-06-20"),
        ({"first_date": date(1900, 1, 1)}, "not 1900-01-01"),
    ],
)
def test_numbers_that_make_no_sample_are_refused_before_anything_is_written(
    tmp_path: Path, wrong: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        small(tmp_path / "new", **wrong)
    assert not (tmp_path / "new").exists()


def test_a_folder_with_files_that_are_no_sample_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("the retailer's own")
    with pytest.raises(DataSetMismatchError, match=r"holds train\.csv and no dataset\.json"):
        small(tmp_path)
    (tmp_path / "dataset.json").write_text('{"name": "retailer", "is_synthetic": false}')
    with pytest.raises(DataSetMismatchError, match="never mixed"):
        small(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dataset.json", "train.csv"]
    assert (tmp_path / "train.csv").read_text() == "the retailer's own"


def test_a_sample_is_replaced_by_another(tmp_path: Path) -> None:
    small(tmp_path)
    small(tmp_path, stores=9)
    assert json.loads((tmp_path / "dataset.json").read_text())["name"] == "sample-9-3"
    assert read(tmp_path, "train.csv")["Store"].max() == 9


def test_when_the_work_is_interrupted_the_older_sample_stays_whole(tmp_path: Path) -> None:
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


def test_the_command_says_what_it_wrote_that_it_is_synthetic_and_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "made"
    command = f"rossmann data sample --stores 5 --seed 1 --days 30 --out {folder}"
    monkeypatch.setattr(sys, "argv", command.split())
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    told = capsys.readouterr().out
    assert "Synthetic data, sample-5-1" in told
    assert "150 rows, 2015-05-21 to 2015-06-19" in told
    assert f"Next: ROSSMANN_RAW_DIR={folder} rossmann refresh" in told
    assert read(folder, "train.csv").height == 150


@pytest.mark.parametrize(
    "wrong", ["--stores 0", "--seed -1", "--days 0", "--days 99999999", "--out /dev/null/sample"]
)
def test_the_command_refuses_with_a_message_and_no_traceback(
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
    assert "refused:" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_two_processes_cannot_make_a_sample_in_the_same_folder(tmp_path: Path) -> None:
    with (
        FileLock(tmp_path / ".making.lock"),
        pytest.raises(DataSetMismatchError, match="another process is making a sample"),
    ):
        small(tmp_path)
    small(tmp_path)
