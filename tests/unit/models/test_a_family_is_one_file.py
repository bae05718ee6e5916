"""A model family is one module of the package ``families``, and its parameters in params.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from support import frozen_world
from support.planted_modules import planted
from support.rule_bundle import DAILY, TOTALS

from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.settings import PROJECT_DIR, load_settings
from rossmann_ml.features.panel import scoring_panel, training_panel
from rossmann_ml.models import families
from rossmann_ml.models.bundle import Bundle, BundleMetadata
from rossmann_ml.models.recipe import Recipe
from rossmann_ml.training.registered import requirements
from rossmann_ml.training.tune import tune
from rossmann_ml.warehouse.session import Session

MEAN = '''
import numpy as np

from rossmann_ml.models.base import Model


class MeanModel(Model):
    """The mean size of departures, everywhere."""

    packages = ("typer",)
    file = "mean.txt"

    @classmethod
    def _fit(cls, matrix, target, features, settings):
        return float(settings.parameters["share"]) * float(abs(target).mean())

    def _feature_names(self):
        return ["base_log_sales"]

    def _predict(self, matrix):
        return np.full(len(matrix), self.fitted)

    def _gain_and_splits(self):
        return np.ones(1), None

    def _write(self, path):
        path.write_text(repr(self.fitted), encoding="utf-8")

    @classmethod
    def _read(cls, path):
        return float(path.read_text("utf-8"))


FAMILY_MODEL = MeanModel
'''
FAMILY = "zz_planted_mean"


@pytest.fixture
def plain_mean(tmp_path: Path) -> Iterator[None]:
    with planted(families, FAMILY, MEAN, tmp_path):
        yield


def params_with(tmp_path: Path, share: float) -> Params:
    """Load the project's parameters from a file, with a blend of the family and LightGBM."""
    loaded = yaml.safe_load((PROJECT_DIR / "params.yaml").read_text("utf-8"))
    loaded["training"]["families"] = {FAMILY: {"share": share}, **loaded["training"]["families"]}
    loaded["training"]["profiles"]["fast"]["models"] = {
        "lightgbm": {"trees": 2, "learning_rate": 0.5},
        FAMILY: {"trees": 1, "learning_rate": 1.0},
    }
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(loaded, sort_keys=False), encoding="utf-8")
    return load_params(path)


@pytest.mark.usefixtures("plain_mean")
def test_a_new_file_is_fitted_blended_bundled_loaded_and_forecasts(tmp_path: Path) -> None:
    params = params_with(tmp_path, share=0.5)
    recipe = Recipe("fast", params, 1)
    assert recipe.families == (FAMILY, "lightgbm"), "in the order of training.families"
    inputs, origin = frozen_world.inputs(), frozen_world.ORIGIN
    origins = [origin - timedelta(days=days) for days in (56, 42)]
    days = {"horizon_days": 14, "params": params.features}
    rows = training_panel(inputs, origins, known_until=origin, **days)
    bundle = Bundle(
        recipe.fit_all(rows, known_until=origin),
        DAILY,
        TOTALS,
        BundleMetadata("blend", str(origin), recipe.features, {}, "fast", 14),
    ).save(tmp_path / "models")
    loaded = Bundle.load(tmp_path / "models", bundle.model_version, threads=1)
    to_score = scoring_panel(inputs, forecast_origin=origin, **days)
    assert loaded.forecast(to_score).equals(bundle.forecast(to_score))
    own = loaded.model.members[FAMILY].predict_departures(to_score)
    departure = pl.col("sales").log() - pl.col("base_log_sales").cast(pl.Float64)
    centred = departure - departure.mean().over("forecast_origin", "target_date")
    np.testing.assert_allclose(own, 0.5 * rows.select(centred.abs().mean()).item(), rtol=1e-9)
    named = [requirement.split("==")[0] for requirement in requirements(loaded)]
    assert {"typer", "lightgbm", "polars"} <= set(named)
    assert not {"xgboost-cpu", "catboost"} & set(named)
    assert named == sorted(named)


@pytest.mark.usefixtures("plain_mean")
def test_other_parameters_of_a_new_family_are_another_member(tmp_path: Path) -> None:
    half, whole = (Recipe("fast", params_with(tmp_path, share), 1) for share in (0.5, 1.0))
    assert half.member_hash(FAMILY) != whole.member_hash(FAMILY)
    assert half.member_hash("lightgbm") == whole.member_hash("lightgbm")
    assert half.hash != whole.hash


@pytest.mark.usefixtures("plain_mean")
def test_a_new_family_is_not_tuned_without_ranges_to_search(tmp_path: Path) -> None:
    settings = load_settings(warehouse_dir=tmp_path / "w", state_dir=tmp_path / "s")
    params = params_with(tmp_path, share=0.5)
    with pytest.raises(SettingsError, match=f"no ranges in which to search {FAMILY}: expected"):
        tune(Session(settings, params), family=FAMILY, profile="fast", trials=1)


def test_a_family_without_a_file_is_refused_with_the_file_of_parameters_and_the_key(
    tmp_path: Path,
) -> None:
    with pytest.raises(SettingsError) as refusal:
        params_with(tmp_path, share=0.5)
    assert f"{tmp_path / 'params.yaml'}: " in str(refusal.value)
    known = ", ".join(families.family_names())
    assert f"training.families: {FAMILY}: no such model family; expected some of {known}" in str(
        refusal.value
    )
