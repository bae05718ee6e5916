"""A bundle of three tiny fits, saved and loaded."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from shutil import copytree

import duckdb
import numpy as np
import polars as pl
import pytest
from support.rule_bundle import DAILY, TOTALS
from support.small_warehouse import small_settings

from rossmann_ml.base.errors import DamagedError, NoDataError
from rossmann_ml.models.base import FitSettings
from rossmann_ml.models.blend import Blend
from rossmann_ml.models.bundle import Bundle, BundleMetadata
from rossmann_ml.models.bundle_files import name_files
from rossmann_ml.models.chain_level import ChainLevel
from rossmann_ml.models.departures import DAY
from rossmann_ml.models.families import model_class
from rossmann_ml.training.bundle_copies import load_bundle
from rossmann_ml.warehouse.session import Session

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
            "is_promo": number % 5 == 1,
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
        Blend(members, weights, ChainLevel.fit(panel_of(), FEATURES, SETTINGS)),
        DAILY,
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
    means = bundle.forecast(panel_of()).select(*DAY, "mean_departure").unique()
    alone = panel_of().filter(store_id=1)
    assert loaded.forecast(alone, means).equals(bundle.forecast(panel_of()).filter(store_id=1))
    assert loaded.model.importance().equals(bundle.model.importance())
    assert list(loaded.model.weights.items()) == list(bundle.model.weights.items())
    assert loaded.model.categories.values == {"store_type": ["a", "b"]}
    assert (loaded.metadata, loaded.calibration) == (bundle.metadata, bundle.calibration)
    assert (loaded.model_version, loaded.total_calibration) == (bundle.model_version, TOTALS)


def test_a_bundle_without_a_correction_of_the_chain_is_read_too(tmp_path: Path) -> None:
    members = {"lightgbm": model_class("lightgbm").fit(panel_of(), FEATURES, SETTINGS)}
    metadata = BundleMetadata("blend", str(ORIGIN), FEATURES, {}, "fast", 10, format_version=3)
    bundle = Bundle(Blend(members, {"lightgbm": 1.0}), DAILY, TOTALS, metadata).save(tmp_path)
    loaded = Bundle.load(tmp_path, bundle.model_version, threads=1)
    assert loaded.model.chain is None
    assert loaded.forecast(panel_of()).equals(bundle.forecast(panel_of()))


@pytest.mark.parametrize(
    "missing",
    [
        "blend.json", "bundle.json", "calibration.json", "categories.json",
        "catboost.cbm", "chain.txt", "lightgbm.txt", "total_calibration.json", "xgboost.ubj",
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
    with pytest.raises(DamagedError, match=f"{missing} is nothing, expected") as refused:
        Bundle.load(tmp_path, bundle.model_version, threads=1)
    assert bundle.model_version in str(refused.value)


def test_a_truncated_file_never_reaches_its_library_and_comes_from_the_published_copy(
    saved: tuple[Bundle, Path], tmp_path: Path
) -> None:
    bundle, folder = saved
    version, settings, told = bundle.model_version, small_settings(tmp_path), list[str]()
    for models in (settings.models_path, settings.published_path / "models"):
        copytree(folder / version, models / version)
    trees = settings.models_path / version / "lightgbm.txt"
    trees.write_bytes(trees.read_bytes()[:-500])
    with pytest.raises(DamagedError, match=str(trees)):  # LightGBM would end the process
        Bundle.load(settings.models_path, version, threads=1)
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE SCHEMA forecasting; CREATE TABLE forecasting.model_versions "
            "(model_version VARCHAR, mlflow_run_id VARCHAR)"
        )
        loaded = load_bundle(Session(settings, progress=told.append), connection, version)
        assert loaded.forecast(panel_of()).equals(bundle.forecast(panel_of()))
        assert str(settings.published_path) in told[0]
        for models in (settings.models_path, settings.published_path / "models"):
            (models / version / "blend.json").write_text("{}")
        with pytest.raises(DamagedError, match="rossmann refresh --retrain fast"):
            load_bundle(Session(settings), connection, version)


def test_a_bundle_without_sums_is_checked_by_its_name(
    saved: tuple[Bundle, Path], tmp_path: Path
) -> None:
    bundle, folder = saved
    copy = copytree(folder / bundle.model_version, tmp_path / bundle.model_version)
    (copy / "sha256sums").unlink()
    Bundle.load(tmp_path, bundle.model_version, threads=1)
    (copy / "bundle.json").write_text((copy / "bundle.json").read_text() + " ")
    with pytest.raises(DamagedError, match=bundle.model_version):
        Bundle.load(tmp_path, bundle.model_version, threads=1)


def test_a_bundle_of_an_earlier_version_is_left_where_it_is(
    saved: tuple[Bundle, Path], tmp_path: Path
) -> None:
    bundle, folder = saved
    settings, told = small_settings(tmp_path), list[str]()
    half = copytree(folder / bundle.model_version, tmp_path / "half")
    (half / "sha256sums").unlink()
    (half / "bundle.json").write_text("{}")
    version = f"blend-{name_files(half)}"
    for models in (settings.models_path, settings.published_path / "models"):
        copytree(half, models / version)
    with (
        duckdb.connect() as connection,
        pytest.raises(NoDataError, match="by an earlier version of the product: train again"),
    ):
        load_bundle(Session(settings, progress=told.append), connection, version)
    assert [path.name for path in settings.models_path.iterdir()] == [version]
    assert told == []
