"""Models, calibration, bundles and scores, on the sample and on rows built by hand."""

from __future__ import annotations

import itertools
import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from support.chain import (
    NEWEST_ORIGIN,
    bundle_of,
    folds_of,
    inputs,
    small_params,
    small_recipe,
)

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.evaluation.backtest import (
    backtest_origins,
    score,
    served,
)
from rossmann_ml.evaluation.baselines import MEDIAN, SEASONAL_NAIVE, baseline_forecasts
from rossmann_ml.evaluation.folds import Folds
from rossmann_ml.features.panel import (
    FeatureInputs,
    scoring_panel,
    training_origins,
    training_panel,
)
from rossmann_ml.models.blend import BLEND
from rossmann_ml.models.bundle import Bundle
from rossmann_ml.models.families import model_class

PARAMS = small_params()
RECIPE = small_recipe(PARAMS)
BOUNDS = ["lower_95", "lower_80", "sales_forecast", "upper_80", "upper_95"]


@pytest.fixture(scope="module")
def known(sample_dir: Path) -> FeatureInputs:
    return inputs(sample_dir)


@pytest.fixture(scope="module")
def panel(known: FeatureInputs) -> pl.DataFrame:
    origins = training_origins(
        NEWEST_ORIGIN,
        first_day=known.sales.first_date,
        step_days=42,
        count=12,
        min_history_days=PARAMS.training.min_history_days,
    )
    return training_panel(
        known, origins, known_until=NEWEST_ORIGIN, horizon_days=42, params=PARAMS.features
    )


@pytest.fixture(scope="module")
def folds(known: FeatureInputs, panel: pl.DataFrame) -> pl.DataFrame:
    return folds_of(known, panel, RECIPE, NEWEST_ORIGIN).rows


@pytest.fixture(scope="module")
def bundle(
    known: FeatureInputs,
    panel: pl.DataFrame,
    folds: pl.DataFrame,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Bundle, Path]:
    folder = tmp_path_factory.mktemp("models")
    made = bundle_of(RECIPE, panel, Folds(folds, [], []), NEWEST_ORIGIN, known)
    return made.save(folder), folder


@pytest.fixture(scope="module")
def to_score(known: FeatureInputs) -> pl.DataFrame:
    return scoring_panel(
        known, forecast_origin=NEWEST_ORIGIN, horizon_days=42, params=PARAMS.features
    )


def test_the_same_inputs_give_the_same_model_and_forecasts_to_the_last_bit(
    bundle: tuple[Bundle, Path],
    known: FeatureInputs,
    panel: pl.DataFrame,
    folds: pl.DataFrame,
    to_score: pl.DataFrame,
    tmp_path: Path,
) -> None:
    first, _ = bundle
    again = bundle_of(RECIPE, panel, Folds(folds, [], []), NEWEST_ORIGIN, known).save(tmp_path)
    assert again.model_version == first.model_version
    assert_frame_equal(again.forecast(to_score), first.forecast(to_score), check_exact=True)


def test_another_seed_gives_another_model_version(
    bundle: tuple[Bundle, Path],
    known: FeatureInputs,
    panel: pl.DataFrame,
    folds: pl.DataFrame,
    tmp_path: Path,
) -> None:
    other = small_recipe(small_params(seed=8))
    assert other.hash != RECIPE.hash
    saved = bundle_of(other, panel, Folds(folds, [], []), NEWEST_ORIGIN, known).save(tmp_path)
    assert saved.model_version != bundle[0].model_version


def test_a_loaded_bundle_forecasts_what_the_saved_one_did(
    bundle: tuple[Bundle, Path], to_score: pl.DataFrame
) -> None:
    saved, folder = bundle
    loaded = Bundle.load(folder, saved.model_version, threads=1)
    assert_frame_equal(loaded.forecast(to_score), saved.forecast(to_score), check_exact=True)
    assert loaded.metadata == saved.metadata


def test_a_bundle_is_plain_files_without_pickles(bundle: tuple[Bundle, Path]) -> None:
    saved, folder = bundle
    names = {path.name for path in (folder / saved.model_version).iterdir()}
    assert names == {
        "blend.json",
        "bundle.json",
        "calibration.json",
        "catboost.cbm",
        "categories.json",
        "chain.txt",
        "lightgbm.txt",
        "sha256sums",
        "total_calibration.json",
        "xgboost.ubj",
    }
    assert not list(folder.glob(".*")), "nothing temporary stays"


def test_a_panel_without_the_models_features_is_refused_by_name(
    bundle: tuple[Bundle, Path], to_score: pl.DataFrame
) -> None:
    with pytest.raises(NoDataError, match="days_from_easter"):
        bundle[0].forecast(to_score.drop("days_from_easter"))


def test_closed_days_are_zero_and_open_days_have_ordered_bounds(
    bundle: tuple[Bundle, Path], to_score: pl.DataFrame
) -> None:
    forecasts = bundle[0].forecast(to_score)
    closed = forecasts.filter(~pl.col("is_open"))
    assert not closed.is_empty()
    assert closed.select(BOUNDS).sum_horizontal().sum() == 0
    opened = forecasts.filter(pl.col("is_open"))
    assert opened["lower_95"].min() > 0
    for low, high in itertools.pairwise(BOUNDS):
        assert (opened[low] <= opened[high]).all()


def test_a_store_without_history_gets_a_forecast_with_wider_intervals(
    known: FeatureInputs, bundle: tuple[Bundle, Path]
) -> None:
    sales = known.sales.sales.copy()
    sales[3] = np.nan
    new_store = FeatureInputs(
        known.stores, type(known.sales)(known.sales.first_date, sales), known.plan
    )
    rows = scoring_panel(
        new_store, forecast_origin=NEWEST_ORIGIN, horizon_days=42, params=PARAMS.features
    )
    forecasts = bundle[0].forecast(rows).filter(pl.col("is_open"))
    width = (pl.col("upper_80") / pl.col("lower_80")).log()
    widths = forecasts.group_by("store_id").agg(width.mean().alias("width"))
    store = int(known.stores.store_ids[3])
    own = widths.filter(pl.col("store_id") == store)["width"][0]
    others = widths.filter(pl.col("store_id") != store)["width"]
    assert own > 1.5 * others.max()
    level = forecasts.group_by("store_id").agg(pl.col("sales_forecast").mean())
    new_level = level.filter(pl.col("store_id") == store)["sales_forecast"][0]
    assert level["sales_forecast"].min() <= new_level <= level["sales_forecast"].max()


def test_the_model_beats_the_references_on_the_sample(
    known: FeatureInputs, folds: pl.DataFrame
) -> None:
    scores = score(folds, RECIPE.key, known.stores.attributes).filter(
        (pl.col("segment_kind") == "overall") & pl.col("forecast_origin").is_null()
    )
    rmspe = dict(zip(scores["model"], scores["rmspe"], strict=True))
    assert rmspe[BLEND] < rmspe[MEDIAN] < rmspe[SEASONAL_NAIVE]
    assert rmspe[BLEND] < max(rmspe[family] for family in RECIPE.families)


def test_one_day_that_sold_next_to_nothing_does_not_move_the_median_over_origins(
    known: FeatureInputs, folds: pl.DataFrame
) -> None:
    origin = folds["forecast_origin"].max()
    is_first_row = pl.int_range(pl.len()).over("forecast_origin") == 0
    planted = folds.with_columns(
        sales=pl.when((pl.col("forecast_origin") == origin) & is_first_row)
        .then(pl.lit(0.5))
        .otherwise("sales")
    )

    def together(rows: pl.DataFrame) -> dict[str, float]:
        scores = score(rows, RECIPE.key, known.stores.attributes)
        return scores.row(
            by_predicate=(pl.col("model") == BLEND)
            & (pl.col("segment_kind") == "overall")
            & pl.col("forecast_origin").is_null(),
            named=True,
        )

    before, after = together(folds), together(planted)
    assert after["rmspe"] > 5 * before["rmspe"]
    assert after["rmspe_median"] < 1.5 * before["rmspe_median"]


def test_scores_of_every_segment_cover_the_same_rows(
    known: FeatureInputs, folds: pl.DataFrame
) -> None:
    scores = score(folds, RECIPE.key, known.stores.attributes)
    days = scores.filter(~pl.col("segment_kind").str.starts_with("total_"))
    sums = days.group_by("model", "forecast_origin", "segment_kind").agg(pl.col("store_days").sum())
    per_origin = sums.group_by("forecast_origin").agg(pl.col("store_days").n_unique())
    assert per_origin["store_days"].to_list() == [1] * 4
    naive = scores.filter(pl.col("model") == SEASONAL_NAIVE)
    assert naive["skill"].abs().max() == 0


def test_rmspe_is_the_competitions_definition() -> None:
    rows = pl.DataFrame(
        {
            "model": "m", "store_id": 1, "sales": [100.0, 200.0], "forecast": [110.0, 150.0],
            "inside_80": [True, False], "inside_95": [True, True], "horizon_days": 1,
            "store_type": "a", "state": "HE", "is_promo": True, "target_date": date(2015, 1, 5),
            "holiday_nearby": "ordinary", "pinball": [1.0, 2.0], "interval_score_80": [0.3, 0.5],
            "interval_score_95": [0.4, 0.6],
        }
    )  # fmt: skip
    from rossmann_ml.evaluation.metrics import score_segments

    overall = score_segments(rows, by=["model"]).filter(pl.col("segment_kind") == "overall")
    row = overall.row(0, named=True)
    assert row["rmspe"] == pytest.approx(np.sqrt((0.1**2 + 0.25**2) / 2))
    assert row["bias"] == pytest.approx(260 / 300 - 1)
    assert row["mape"] == pytest.approx(0.175)
    assert (row["coverage_80"], row["coverage_95"]) == (0.5, 1.0)


def test_an_origin_is_calibrated_by_earlier_origins_only(folds: pl.DataFrame) -> None:
    newest = folds["forecast_origin"].max()
    doubled = folds.with_columns(
        sales=pl.when(pl.col("forecast_origin") == newest)
        .then(pl.col("sales") * 2)
        .otherwise("sales")
    )
    before, after = (
        served(rows, RECIPE.key).filter(pl.col("forecast_origin") == newest)[BLEND]
        for rows in (folds, doubled)
    )
    assert before.equals(after)
    oldest = served(folds, RECIPE.key).filter(
        pl.col("forecast_origin") == folds["forecast_origin"].min()
    )
    assert oldest["inside_80"].null_count() == len(oldest)
    from_spread = -1.5 * float((oldest["spread"] ** 2).mean())
    assert np.allclose(oldest[BLEND].log() - oldest["log_forecast"], from_spread)


def test_backtests_need_enough_history_and_name_the_first_possible_origin() -> None:
    with pytest.raises(NoDataError, match="2014-02-12"):
        backtest_origins(date(2014, 1, 1), back_days=[42], first_training=date(2014, 1, 1))


def test_training_origins_count_back_from_the_newest_and_keep_enough_history() -> None:
    origins = training_origins(
        date(2014, 1, 1),
        first_day=date(2013, 1, 1),
        step_days=30,
        count=20,
        min_history_days=200,
    )
    assert origins[-1] == date(2014, 1, 1) - timedelta(days=30)
    assert origins[0] >= date(2013, 1, 1) + timedelta(days=200)
    assert {(b - a).days for a, b in itertools.pairwise(origins)} == {30}


def test_seasonal_naive_repeats_the_newest_open_day_of_the_weekday(known: FeatureInputs) -> None:
    found = baseline_forecasts(known, forecast_origin=NEWEST_ORIGIN, horizon_days=42)
    store, weekday_ago = int(known.stores.store_ids[0]), NEWEST_ORIGIN - timedelta(days=4)
    column = (weekday_ago - known.sales.first_date).days
    expected = known.sales.sales[0, column]
    assert expected > 0, "a Monday on which the store was open"
    rows = found.filter((pl.col("store_id") == store) & (pl.col("target_date").dt.weekday() == 1))
    assert rows[SEASONAL_NAIVE].to_list() == [expected] * 6


def test_the_median_baseline_is_the_stores_median_for_that_weekday_and_promotion(
    known: FeatureInputs,
) -> None:
    found = baseline_forecasts(known, forecast_origin=NEWEST_ORIGIN, horizon_days=7)
    target = NEWEST_ORIGIN + timedelta(days=3)  # a Monday
    promo = known.plan.is_promo[0, known.plan.column(target)]
    values = []
    for back in range(365):
        day = NEWEST_ORIGIN - timedelta(days=back)
        sales = known.sales.sales[0, (day - known.sales.first_date).days]
        same = known.plan.is_promo[0, known.plan.column(day)] == promo
        if day.weekday() == 0 and same and sales > 0:
            values.append(sales)
    store = int(known.stores.store_ids[0])
    row = found.filter((pl.col("store_id") == store) & (pl.col("target_date") == target))
    assert row[MEDIAN][0] == np.median(values)


def test_an_unknown_model_family_is_named() -> None:
    with pytest.raises(ValueError, match="oracle"):
        model_class("oracle")


def test_the_calibration_file_is_readable_json(bundle: tuple[Bundle, Path]) -> None:
    saved, folder = bundle
    loaded = json.loads((folder / saved.model_version / "calibration.json").read_text())
    assert len(loaded["levels"]) == len(loaded["quantiles"]) == 101
    assert loaded["origins"] == ["2014-11-21", "2015-02-13", "2015-05-08"]
