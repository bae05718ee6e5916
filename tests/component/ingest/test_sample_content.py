"""The synthetic sample is plausible: holidays, promotions, refurbishments, seasons."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import holidays
import polars as pl
import pytest
from support.sample_files import read

from rossmann_ml.ingest.sample import write_sample


@pytest.fixture(scope="module")
def sales(sample_dir: Path) -> pl.DataFrame:
    stores, states = read(sample_dir, "store.csv"), read(sample_dir, "store_states.csv")
    return read(sample_dir, "train.csv").join(stores, on="Store").join(states, on="Store")


@pytest.fixture(scope="module")
def sold(sales: pl.DataFrame) -> pl.DataFrame:
    return sales.filter(pl.col("Sales") > 0)


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


def test_attributes_of_stores_are_empty_only_where_those_of_the_competition_are(
    tmp_path: Path,
) -> None:
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
    """Return a sample with enough stores to measure effects of a few percent."""
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
