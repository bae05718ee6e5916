"""Seasons are not drift, planted shifts are; rows, pages and the printed table."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from rich.console import Console
from support.chain import NEWEST_ORIGIN
from support.drift_distances import distance
from support.drift_tables import (
    HORIZON_DAYS,
    days_of,
    drift_warehouse,
    drifted,
    in_week,
)

from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.params.drift import DRIFT_FEATURES
from rossmann_ml.base.settings import PROJECT_DIR, Settings
from rossmann_ml.cli import monitor
from rossmann_ml.monitoring.drift.evidently import distances, performance
from rossmann_ml.monitoring.drift.measure import DriftReport, measure_drift
from rossmann_ml.monitoring.drift.sales_weeks import sales_samples
from rossmann_ml.monitoring.drift.stores import store_deviations
from rossmann_ml.monitoring.drift.windows import Sample, Window, plan_samples
from rossmann_ml.serving.report_files import report_path
from rossmann_ml.warehouse.connection import connect
from rossmann_ml.warehouse.session import Session

WEEK = date(2015, 3, 13)
DECEMBER = [date(2014, 12, day) for day in (5, 12, 19, 26)]
Days = tuple[pl.DataFrame, pl.DataFrame]


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(PROJECT_DIR / "params.yaml")


@pytest.fixture(scope="module")
def days(sample_dir: Path) -> Days:
    return days_of(sample_dir)


@pytest.fixture(scope="module")
def measured(days: Days, params: Params, tmp_path_factory) -> tuple[Settings, DriftReport]:
    """Return an unchanged warehouse whose drift was measured once; read-only for tests."""
    settings = drift_warehouse(tmp_path_factory.mktemp("drift"), *days)
    return settings, measure_drift(Session(settings, params), run_id="quiet")


def rows_of(settings: Settings) -> pl.DataFrame:
    with connect(settings, read_only=True) as connection:
        return connection.sql("SELECT * FROM monitoring.drift_metrics").pl()


@pytest.mark.parametrize("week", [*DECEMBER, WEEK])
def test_an_ordinary_december_raises_no_alarm(days: Days, params: Params, week: date):
    assert drifted(*days, week, params) == set()


def test_a_promotion_flag_inverted_for_a_week_is_found(days: Days, params: Params):
    sold, plan = days
    wrong = sold.with_columns(is_promo=pl.col("is_promo") ^ in_week(WEEK))
    assert "sales.promo_by_weekday" in drifted(wrong, plan, WEEK, params)


def test_a_promotion_flag_inverted_in_the_plan_is_found(days: Days, params: Params):
    sold, plan = days
    wrong = plan.with_columns(is_promo=pl.col("is_promo") ^ in_week(WEEK + timedelta(days=21)))
    assert "plan.promo_by_weekday" in drifted(sold, wrong, WEEK, params)


def test_a_states_closed_stores_are_found(days: Days, params: Params):
    sold, plan = days
    closed = in_week(WEEK) & (pl.col("state") == "HE")
    wrong = sold.with_columns(
        is_open=pl.col("is_open") & ~closed,
        sales=pl.when(closed).then(0.0).otherwise("sales"),
    )
    assert "sales.open_by_state" in drifted(wrong, plan, WEEK, params)


def test_sales_in_thousands_are_found(days: Days, params: Params):
    sold, plan = days
    wrong = sold.with_columns(
        sales=pl.when(in_week(WEEK)).then(pl.col("sales") / 1000).otherwise("sales")
    )
    found = drifted(wrong, plan, WEEK, params)
    assert {"sales.sales_level", "sales.spend_level"} <= found
    assert "sales.customers_level" not in found


def test_a_missing_day_is_found(days: Days, params: Params):
    sold, plan = days
    wrong = sold.filter(pl.col("day") != WEEK - timedelta(days=2))
    assert "sales.observed_by_weekday" in drifted(wrong, plan, WEEK, params)


@pytest.mark.parametrize("factor", [0.5, 2.0])
@pytest.mark.parametrize(
    "week", [WEEK, date(2015, 5, 3)], ids=["ordinary", "holiday on its Friday"]
)
def test_a_single_store_whose_level_doubles_or_halves_is_named(
    days: Days, params: Params, factor: float, week: date
):
    sold, plan = days
    wrong = sold.with_columns(
        sales=pl.when(in_week(week) & (pl.col("store_id") == 2))
        .then(pl.col("sales") * factor)
        .otherwise("sales")
    )
    assert drifted(wrong, plan, week, params) - drifted(*days, week, params) == {"store 2"}


def test_a_store_that_was_rebuilt_a_year_ago_is_no_drift(days: Days, params: Params):
    sold, plan = days
    rebuilt = pl.col("store_id").is_in([3, 4, 5]) & pl.col("day").is_between(
        WEEK - timedelta(days=350), WEEK - timedelta(days=330)
    )
    then = plan.with_columns(is_open=pl.col("is_open") & ~rebuilt)
    assert drifted(sold, then, WEEK, params) == set()
    now = pl.col("store_id").is_in([3, 4, 5]) & pl.col("day").is_between(
        WEEK + timedelta(days=14), WEEK + timedelta(days=34)
    )
    to_be_rebuilt = plan.with_columns(is_open=pl.col("is_open") & ~now)
    assert "plan.open_by_weekday" in drifted(sold, to_be_rebuilt, WEEK, params)


def test_in_a_week_of_holidays_no_store_is_measured(days: Days):
    sold, _ = days
    weekdays = sold.filter(pl.col("day").dt.weekday() < 7)
    assert store_deviations(weekdays, last_day=date(2014, 12, 27)).is_empty()


def test_a_week_is_compared_with_one_of_the_same_promotions(days: Days):
    sold, _ = days
    for week in (WEEK, WEEK + timedelta(days=7)):
        promotion = next(
            each
            for each in sales_samples(sold.filter(pl.col("day") <= week), last_day=week)
            if each.feature == "promo_by_weekday"
        )
        assert (week - promotion.reference_window.last).days in (357, 364, 371)
        assert promotion.current.sort().to_list() == promotion.reference.sort().to_list()


def test_in_the_first_year_nothing_is_compared(days: Days):
    sold, plan = days
    early = date(2013, 6, 14)
    until = pl.col("day") <= early
    found = sales_samples(sold.filter(until), last_day=early)
    assert [each.feature for each in found] == ["observed_by_weekday"]
    assert plan_samples(plan, origin=early, horizon_days=HORIZON_DAYS) == []
    assert sales_samples(sold.filter(pl.col("day") == date(2013, 1, 1)), last_day=early) == []


def test_every_measure_is_a_row_with_its_threshold_and_windows(
    measured: tuple[Settings, DriftReport],
):
    settings, report = measured
    rows = rows_of(settings)
    expected = {(kind, name) for kind, names in DRIFT_FEATURES.items() for name in names}
    # the newest week of the sample is near a holiday, so levels and stores are not measured
    aside = {"sales_level", "customers_level", "spend_level", "stores_off_level"}
    found = set(rows.select("kind", "feature").iter_rows())
    assert found | {each for each in expected if each[1] in aside} == expected
    assert report.forecast_origin == NEWEST_ORIGIN
    assert rows["run_id"].unique().to_list() == ["quiet"]
    assert rows.filter(pl.col("is_drifted") != (pl.col("value") >= pl.col("threshold"))).is_empty()
    plan = rows.filter((pl.col("kind") == "plan") & (pl.col("feature") == "promo_by_weekday"))
    first = NEWEST_ORIGIN + timedelta(days=1)
    assert plan["current_from"].item() == first
    assert plan["reference_from"].item() == first - timedelta(days=364)
    mape = rows.filter(pl.col("feature") == "mape")
    assert mape["value"].item() == pytest.approx(0.02)
    assert rows.filter(pl.col("feature") == "bias")["value"].item() == pytest.approx(0.02)


def test_the_pages_open_without_a_network(measured: tuple[Settings, DriftReport]):
    settings, report = measured
    assert set(report.pages) == {"drift", "performance"}
    for page in report.pages.values():
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"<(script|link|img)[^>]+(src|href)=[\"']https?:", text)
    assert report.pages["drift"] == report_path(settings, "quiet", "drift")
    assert "promo by weekday" in report.pages["drift"].read_text(encoding="utf-8")


def test_measuring_again_replaces_the_rows_of_the_origin_and_old_pages_go(
    days: Days, params: Params, tmp_path: Path
):
    settings = drift_warehouse(tmp_path, *days)
    few = params.model_copy(
        update={
            "monitoring": params.monitoring.model_copy(
                update={"drift": params.monitoring.drift.model_copy(update={"reports_kept": 1})}
            )
        }
    )
    measure_drift(Session(settings, few), run_id="first")
    with connect(settings) as connection:
        # an old plan, changed forecasts, other features, and no vintage that covers the week
        connection.execute("UPDATE core.horizon_plan SET plan_source = 'assumed'")
        connection.execute("UPDATE features.scoring_panel SET store_level = store_level + 3")
        connection.execute(
            "UPDATE forecasting.forecasts SET sales_forecast = sales_forecast * 2 "
            "WHERE run_id = 'now'"
        )
    report = measure_drift(Session(settings, few), run_id="second")
    rows = rows_of(settings)
    assert rows["run_id"].unique().to_list() == ["second"]
    assert {f"{each.kind}.{each.feature}" for each in report.drifted} == {
        "plan.assumed_plan",
        "features.store_level",
        "forecasts.same_days",
    }
    assert [each.name for each in (settings.state_path / "reports").iterdir()] == ["second"]


def test_comparisons_without_data_are_left_out(days: Days, params: Params, tmp_path: Path):
    settings = drift_warehouse(tmp_path, *days)
    with connect(settings) as connection:
        connection.execute("DROP TABLE features.training_panel")
        connection.execute("DELETE FROM forecasting.forecasts WHERE run_id = 'before'")
    report = measure_drift(Session(settings, params), run_id="young")
    assert {each.kind for each in report.metrics} == {"plan", "sales"}
    with connect(settings) as connection:
        connection.execute("CREATE TABLE features.training_panel AS FROM features.scoring_panel")
    again = measure_drift(Session(settings, params), run_id="young")
    assert {each.kind for each in again.metrics} == {"plan", "sales"}


def test_monitor_prints_what_drifted_and_what_did_not(
    days: Days, tmp_path: Path, monkeypatch, params: Params
):
    sold, plan = days
    wrong = sold.with_columns(is_promo=pl.col("is_promo") ^ in_week(NEWEST_ORIGIN))
    settings = drift_warehouse(tmp_path, wrong, plan)
    monkeypatch.setattr(monitor, "default_settings", lambda: settings)
    console = Console(record=True, width=200)
    monitor.show_drift(console)
    text = console.export_text()
    assert re.search(r"sales: promo_by_weekday .* drifted", text)
    assert re.search(r"plan: promo_by_weekday .* ok", text)
    assert "Page of drift:" in text


def test_a_feature_without_a_threshold_is_refused(tmp_path: Path):
    text = (PROJECT_DIR / "params.yaml").read_text(encoding="utf-8")
    loaded = yaml.safe_load(text)
    del loaded["monitoring"]["drift"]["thresholds"]["plan"]["state_holiday"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(loaded), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"plan has thresholds of .* expected those of"):
        load_params(tmp_path / "params.yaml")


def test_evidentlys_distances_equal_the_plain_references():
    day = Window(WEEK, WEEK)
    sides = [
        (["a", "a", "b"], ["a", "b", "c", "c"]),
        (["a"], ["b"]),  # nothing in common
        (["a"] * 7 + ["b"] * 3, (["a"] * 7 + ["b"] * 3) * 11),  # equal shares
        (["0"], ["0"] * 5),
        ([0.0, 4.0, 1.5, 2.0, 2.0], [2.0, 2.5, -1.0]),
        ([1.0], [2.0, 3.0]),
        ([1.0, 2.0, 5.0], [1.0]),  # a reference without spread
        ([3.0], [3.0]),
    ]
    samples = [
        Sample("plan", f"f{number}", pl.Series(now), pl.Series(then), day, day)
        for number, (now, then) in enumerate(sides)
    ]
    expected = [distance(each) for each in samples]
    assert distances(samples, [0.1] * len(samples)) == pytest.approx(expected, rel=1e-9, abs=1e-7)


def test_evidentlys_errors_are_a_share_and_forecast_minus_sales():
    # enough that each part of the page has data
    forecast, actual = np.array([110.0, 90.0, 50.0] * 40), np.array([100.0, 100.0, 40.0] * 40)
    mape, mean_error = performance(forecast, actual)
    assert mape == pytest.approx((0.1 + 0.1 + 0.25) / 3)
    assert mean_error == pytest.approx(10 / 3)
