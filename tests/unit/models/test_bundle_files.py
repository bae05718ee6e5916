"""Forecasts, files and version of a bundle compared with its docstrings, by hand."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from pydantic import TypeAdapter
from support.rule_bundle import DAILY, TOTALS
from support.rule_model import RuleModel
from support.small_worlds import stores_of

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.models.blend import Blend
from rossmann_ml.models.bundle import Bundle, BundleMetadata
from rossmann_ml.models.bundle_files import name_files, require_whole
from rossmann_ml.models.calibration import Calibration
from rossmann_ml.models.error_scale import interval_spread
from rossmann_ml.models.total_calibration import TotalCalibration

ORIGIN = date(2015, 6, 19)
MEDIANS = ["sales_median", "error_scale"]
COLUMNS = ["sales_forecast", "lower_80", "upper_80", "lower_95", "upper_95"]
FEATURES = ["base_log_sales", "residual_std_182d", "observed_days_364d"]


def bundle_of(
    *, departure: float = 0.1, totals: TotalCalibration = TOTALS, family: str = "blend"
) -> Bundle:
    metadata = BundleMetadata(
        family=family,
        trained_through=str(ORIGIN),
        features=FEATURES,
        feature_params={"half_lives_days": [60]},
        profile="fast",
        horizon_days=14,
    )
    blend = Blend({"lightgbm": RuleModel(departure)}, {"lightgbm": 1.0})
    return Bundle(blend, DAILY, totals, metadata, "blend-20150619-x")


def panel_of() -> pl.DataFrame:
    """Build a panel of two stores and 14 days, some of them closed."""
    days = np.arange(1, 15)
    return pl.DataFrame(
        {
            "forecast_origin": [ORIGIN] * 28,
            "store_id": np.repeat([1, 2], 14),
            "target_date": [ORIGIN + timedelta(days=int(day)) for day in days] * 2,
            "horizon_days": np.tile(days, 2),
            "is_open": [day % 7 != 2 for day in days] * 2,
            "is_promo": np.tile(days <= 7, 2).astype(np.float32),
            "base_log_sales": np.repeat([8.0, 9.0], 14) + np.tile(days, 2) / 100,
            "residual_std_182d": np.repeat([0.1, np.nan], 14),
            "observed_days_364d": np.repeat([300.0, 3.0], 14),
        }
    )


def test_days_further_ahead_than_the_training_are_refused_with_the_command_that_helps() -> None:
    panel = panel_of().with_columns(pl.col("horizon_days") + 1)
    with pytest.raises(NoDataError, match=r"forecasts 14 days .* expected 15: .* --retrain full"):
        bundle_of().forecast(panel)


def test_open_days_are_the_calibrated_forecast_of_the_model_and_closed_ones_zero() -> None:
    panel = panel_of()
    found = bundle_of().forecast(panel)
    keys = ["forecast_origin", "store_id", "target_date", "horizon_days", "is_open"]
    assert found.columns == [*keys, *COLUMNS, *MEDIANS, "mean_departure"]
    assert found.select(keys).equals(panel.select(keys))
    bounds = DAILY.bounds(
        panel.with_columns(
            spread=pl.Series(interval_spread(panel)),
            log_forecast=pl.col("base_log_sales"),  # the mean of equal departures is taken out
        )
    )
    for row, is_open, expected in zip(
        found.select(COLUMNS).rows(), panel["is_open"], bounds.select(COLUMNS).rows(), strict=True
    ):
        assert row == (expected if is_open else (0.0,) * 5)


class DayModel(RuleModel):
    """A model whose departures grow with the day, and are larger in store 2."""

    def predict_departures(self, panel: pl.DataFrame) -> np.ndarray:
        return panel["horizon_days"].to_numpy() / 10 * panel["store_id"].to_numpy()


def centred_bundle() -> Bundle:
    bundle = bundle_of()
    return replace(bundle, model=Blend({"lightgbm": DayModel()}, {"lightgbm": 1.0}))


def test_the_mean_departure_of_the_open_stores_is_taken_out_of_each_day() -> None:
    panel = panel_of().with_columns(
        is_open=pl.col("is_open") & ((pl.col("store_id") == 1) | (pl.col("horizon_days") > 1))
    )
    found = centred_bundle().forecast(panel)
    for row, known in zip(found.rows(named=True), panel.rows(named=True), strict=True):
        day = row["horizon_days"]
        # on the first day, only store 1 opens
        mean = day / 10 * (1.0 if day == 1 else 1.5) if day % 7 != 2 else 0.0
        assert row["mean_departure"] == pytest.approx(mean, abs=1e-15)
        if row["is_open"]:
            own = known["base_log_sales"] + day / 10 * row["store_id"] - mean
            assert row["sales_forecast"] == pytest.approx(math.exp(own + DAILY.log_shift))


def test_a_store_alone_gets_the_same_forecast_to_the_last_bit_from_the_means_of_all() -> None:
    bundle, panel = centred_bundle(), panel_of()
    whole = bundle.forecast(panel)
    means = whole.select("forecast_origin", "target_date", "mean_departure").unique()
    alone = panel.filter(store_id=2)
    assert bundle.forecast(alone, means).equals(whole.filter(store_id=2))
    with pytest.raises(NoDataError, match="no mean departure of 2015-06-25 "):
        bundle.forecast(alone, means.filter(pl.col("target_date") != date(2015, 6, 25)))


def test_quantiles_have_a_column_a_level_and_closed_days_are_zero() -> None:
    panel, bundle = panel_of(), centred_bundle()
    found = bundle.quantiles(panel, [0.1, 0.5, 0.975])
    assert found.columns == ["forecast_origin", "store_id", "target_date", "q0.1", "q0.5", "q0.975"]
    forecasts = bundle.forecast(panel)
    assert found["q0.1"].to_list() == forecasts["lower_80"].to_list()
    assert found["q0.975"].to_list() == forecasts["upper_95"].to_list()
    medians = (forecasts["sales_forecast"] * math.exp(-DAILY.log_shift)).to_list()
    assert found["q0.5"].to_list() == pytest.approx(medians)
    means = forecasts.select("forecast_origin", "target_date", "mean_departure").unique()
    alone = bundle.quantiles(panel.filter(store_id=2), [0.1, 0.5, 0.975], means)
    assert alone.equals(found.filter(store_id=2))


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"format_version": None}, "an earlier"),  # before formats had a number
        ({"format_version": 1}, "an earlier"),
        ({"format_version": 2}, "an earlier"),
        ({"format_version": 5}, "a newer"),
    ],
)
def test_a_bundle_of_another_version_is_refused_and_is_not_damaged(
    tmp_path: Path, metadata: dict[str, int | None], said: str
) -> None:
    version = resaved(bundle_of().save(tmp_path), tmp_path, metadata)
    require_whole(tmp_path / version, version)
    with pytest.raises(NoDataError) as refused:
        Bundle.load(tmp_path, version, threads=1)
    assert str(refused.value) == (
        f"model {version} was trained by {said} version of the product: train again with "
        "`rossmann refresh --retrain full`"
    )


def resaved(bundle: Bundle, folder: Path, changes: dict[str, int | None]) -> str:
    """Change the metadata of a saved bundle as another version would have written them."""
    half = folder / bundle.model_version
    (half / "sha256sums").unlink()
    metadata = json.loads((half / "bundle.json").read_text("utf-8")) | changes
    kept = {name: value for name, value in metadata.items() if value is not None}
    (half / "bundle.json").write_text(json.dumps(kept), encoding="utf-8")
    version = f"blend-{name_files(half)}"
    half.rename(folder / version)
    return version


@pytest.mark.parametrize("number", [1, 3])
def test_a_panel_that_lacks_features_is_refused_by_model_and_name(number: int) -> None:
    with pytest.raises(NoDataError) as refused:
        bundle_of().forecast(panel_of().drop(FEATURES[:number]))
    assert "blend-20150619-x" in str(refused.value)
    assert f": {', '.join(FEATURES[:number])}." in str(refused.value)


def test_of_many_lacking_features_five_are_named() -> None:
    bundle = bundle_of()
    lacking = replace(bundle, metadata=replace(bundle.metadata, features=[*"abcdefg"]))
    with pytest.raises(NoDataError, match=r"computed: a, b, c, d, e\. "):
        lacking.forecast(panel_of())


def test_factors_of_totals_are_those_of_the_forecast_days() -> None:
    bundle, panel, stores = bundle_of(), panel_of(), stores_of(2)
    forecasts = bundle.forecast(panel)
    rows = forecasts.with_columns(
        forecast="sales_forecast", spread=pl.Series(interval_spread(panel))
    )
    found = bundle.total_intervals(panel, forecasts, stores)
    assert found.equals(TOTALS.intervals(rows, stores))


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_version_names_family_newest_training_day_and_content(tmp_path: Path) -> None:
    saved = bundle_of().save(tmp_path / "new" / "models")
    (folder,) = (tmp_path / "new" / "models").iterdir()
    files = files_of(folder)
    assert set(files) == {
        "blend.json", "bundle.json", "calibration.json", "rule.txt", "sha256sums",
        "total_calibration.json",
    }  # fmt: skip
    sums = files.pop("sha256sums").decode().splitlines()
    assert sums == [f"{hashlib.sha256(files[name]).hexdigest()}  {name}" for name in sorted(files)]
    content = b"".join(name.encode() + files[name] for name in sorted(files))
    assert folder.name == f"blend-20150619-{hashlib.sha256(content).hexdigest()[:8]}"
    assert saved == Bundle(saved.model, DAILY, TOTALS, saved.metadata, folder.name)


def test_other_content_is_another_version(tmp_path: Path) -> None:
    versions = {
        bundle_of(departure=0.1).save(tmp_path).model_version,
        bundle_of(departure=0.2).save(tmp_path).model_version,
        bundle_of(totals=replace(TOTALS, log_bias=0.02)).save(tmp_path).model_version,
    }
    assert len(versions) == 3
    assert {path.name for path in tmp_path.iterdir()} == versions


def test_the_same_content_is_the_same_version_and_what_is_there_stays(tmp_path: Path) -> None:
    version = bundle_of().save(tmp_path).model_version
    note = tmp_path / version / "note.txt"
    note.write_text("kept", encoding="utf-8")
    assert bundle_of().save(tmp_path).model_version == version
    assert [path.name for path in tmp_path.iterdir()] == [version]
    assert note.exists()


def test_what_an_interrupted_save_left_is_no_part_of_the_next(tmp_path: Path) -> None:
    left = tmp_path / ".blend-20150619.tmp"
    left.mkdir()
    (left / "half.txt").write_text("left", encoding="utf-8")
    version = bundle_of().save(tmp_path).model_version
    assert [path.name for path in tmp_path.iterdir()] == [version]
    assert not (tmp_path / version / "half.txt").exists()


def test_files_of_a_bundle_are_indented_json(tmp_path: Path) -> None:
    folder = tmp_path / bundle_of().save(tmp_path).model_version
    metadata = (folder / "bundle.json").read_text("utf-8")
    assert metadata.splitlines()[1] == '  "family": "blend",'
    assert BundleMetadata(**json.loads(metadata)) == bundle_of().metadata
    daily = (folder / "calibration.json").read_text("utf-8")
    assert daily.splitlines()[1] == '  "log_shift": -0.02,'
    assert TypeAdapter(Calibration).validate_json(daily) == DAILY
    totals = (folder / "total_calibration.json").read_text("utf-8")
    assert totals.splitlines()[1] == '  "log_bias": 0.01,'
    assert TotalCalibration(**json.loads(totals)) == TOTALS
    assert (folder / "blend.json").read_text("utf-8") == '{\n  "lightgbm": 1.0\n}'
