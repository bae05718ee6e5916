"""Drift on the retailer's weeks: an ordinary December raises no alarm, planted shifts do."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from support.chain import frames
from support.drift_tables import HORIZON_DAYS, days_of, drifted, in_week

from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.features.panel import FeatureInputs, training_panel
from rossmann_ml.monitoring.drift.measure import compare_samples
from rossmann_ml.monitoring.drift.windows import FEATURE_COLUMNS, YEAR_DAYS, feature_samples

pytestmark = pytest.mark.real_data

DECEMBER = [date(2014, 12, day) for day in (5, 12, 19, 26)]
Days = tuple[pl.DataFrame, pl.DataFrame]


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(PROJECT_DIR / "params.yaml")


@pytest.fixture(scope="module")
def days(real_data_dir: Path) -> Days:
    return days_of(real_data_dir)


@pytest.fixture(scope="module")
def features(real_data_dir: Path, params: Params) -> pl.DataFrame:
    """One row a store and origin, for the weeks of December and those a year before."""
    origins = [*DECEMBER, *(week - timedelta(days=YEAR_DAYS) for week in DECEMBER)]
    panel = training_panel(
        FeatureInputs.from_frames(**frames(real_data_dir)),
        origins,
        known_until=date(2015, 6, 19),
        horizon_days=HORIZON_DAYS,
        params=params.features,
        rows_share=0.3,
    )
    return panel.unique(["forecast_origin", "store_id"]).select(
        "forecast_origin", "store_id", *FEATURE_COLUMNS
    )


@pytest.mark.parametrize("week", DECEMBER)
def test_an_ordinary_december_of_the_retailer_raises_no_alarm(
    days: Days, features: pl.DataFrame, params: Params, week: date
):
    assert drifted(*days, week, params) == set()
    then = week - timedelta(days=YEAR_DAYS)
    of_features = compare_samples(
        feature_samples(
            features.filter(pl.col("forecast_origin") == week),
            features.filter(pl.col("forecast_origin") == then),
            origin=week,
            reference_origin=then,
        ),
        params.monitoring.drift,
    )
    assert [each.feature for each in of_features if each.is_drifted] == []


def test_shifts_planted_in_december_are_noticed(days: Days, params: Params):
    sold, plan = days
    week = DECEMBER[1]
    wrong = sold.with_columns(
        is_promo=pl.col("is_promo") ^ in_week(week),
        is_open=pl.col("is_open") & ~(in_week(week) & (pl.col("state") == "HH")),
        sales=pl.when(in_week(week) & (pl.col("store_id") == 262))
        .then(pl.col("sales") * 2)
        .otherwise("sales"),
    )
    found = drifted(wrong, plan, week, params)
    assert {"sales.promo_by_weekday", "sales.open_by_state", "store 262"} <= found
