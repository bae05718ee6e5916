"""A bundle of three tiny fits, saved and loaded."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from support.rule_bundle import TOTALS

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.models.base import FitSettings
from rossmann_ml.models.blend import Blend
from rossmann_ml.models.bundle import Bundle, BundleMetadata
from rossmann_ml.models.calibration import Calibration
from rossmann_ml.models.families import model_class

ORIGIN = date(2015, 6, 19)
FEATURES = ["base_log_sales", "store_type", "residual_std_182d", "observed_days_364d"]
SETTINGS = FitSettings(trees=2, learning_rate=0.5, parameters={}, seed=7, threads=1)


def panel_of() -> pl.DataFrame:
    number = np.arange(80)
    return pl.DataFrame(
        {
            "forecast_origin": [ORIGIN] * 80,
            "store_id": number // 10,
            "target_date": [ORIGIN + timedelta(days=int(each) % 10 + 1) for each in number],
            "horizon_days": number % 10 + 1,
            "is_open": number % 7 != 3,
            "base_log_sales": 8 + number / 100,
            "store_type": [("a", "b")[each] for each in number // 10 % 2],
            "residual_std_182d": np.full(80, 0.1),
            "observed_days_364d": np.full(80, 300.0),
            "sales": np.exp(8 + number / 100 + number // 10 % 2 * 0.2),
        }
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, Path]:
    folder = tmp_path_factory.mktemp("models")
    weights = {"catboost": 0.2, "lightgbm": 0.5, "xgboost": 0.3}
    members = {name: model_class(name).fit(panel_of(), FEATURES, SETTINGS) for name in weights}
    bundle = Bundle(
        Blend(members, weights),
        Calibration(-0.02, {"80": [1.0], "95": [2.0]}, []),
        TOTALS,
        BundleMetadata("blend", str(ORIGIN), FEATURES, {}, "fast", 10),
    )
    return bundle.save(folder), folder


def test_a_loaded_bundle_forecasts_to_the_last_bit_what_the_saved_one_did(
    saved: tuple[Bundle, Path],
) -> None:
    bundle, folder = saved
    loaded = Bundle.load(folder, bundle.model_version, threads=2)
    assert loaded.forecast(panel_of()).equals(bundle.forecast(panel_of()))
    assert loaded.model.importance().equals(bundle.model.importance())
    assert list(loaded.model.weights.items()) == list(bundle.model.weights.items())
    assert loaded.model.categories.values == {"store_type": ["a", "b"]}
    assert (loaded.metadata, loaded.calibration) == (bundle.metadata, bundle.calibration)
    assert (loaded.model_version, loaded.total_calibration) == (bundle.model_version, TOTALS)


@pytest.mark.parametrize(
    "missing",
    [
        "blend.json", "bundle.json", "calibration.json", "categories.json",
        "catboost.cbm", "lightgbm.txt", "total_calibration.json", "xgboost.ubj",
    ],
)  # fmt: skip
def test_a_bundle_that_lacks_a_file_is_refused_by_the_files_name(
    saved: tuple[Bundle, Path], tmp_path: Path, missing: str
) -> None:
    bundle, folder = saved
    copy = tmp_path / bundle.model_version
    copy.mkdir()
    for path in (folder / bundle.model_version).iterdir():
        if path.name != missing:
            (copy / path.name).write_bytes(path.read_bytes())
    with pytest.raises(NoDataError, match=missing) as refused:
        Bundle.load(tmp_path, bundle.model_version, threads=1)
    assert bundle.model_version in str(refused.value)
