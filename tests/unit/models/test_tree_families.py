"""The three families on panels so small that the predictions of their trees are known.

A tree with one split and no regularisation predicts the mean target of each side, and boosting
starts from the mean of all (Friedman, Greedy Function Approximation, 2001, for squared errors).
"""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rossmann_ml.models.base import FitSettings, Model
from rossmann_ml.models.families import family_names, model_class

FEATURES = ["days_until_promo", "store_type"]
# Parameters with which each library grows one unregularised split per tree.
ONE_SPLIT: dict[str, dict[str, int | float | str]] = {
    "lightgbm": {"num_leaves": 2, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0.0},
    "xgboost": {"max_depth": 1, "reg_lambda": 0.0, "min_child_weight": 0.0},
    "catboost": {"depth": 1, "l2_leaf_reg": 0.0, "bootstrap_type": "No"},
}
FILES = {"lightgbm": "lightgbm.txt", "xgboost": "xgboost.ubj", "catboost": "catboost.cbm"}
families = pytest.mark.parametrize("family", ONE_SPLIT)


def panel_of(rows: int = 40) -> pl.DataFrame:
    """Build days whose difference to the linear forecast depends only on the promotion."""
    number = np.arange(rows)
    near = number % 4 == 0
    base = 8 + number / 100
    return pl.DataFrame(
        {
            "days_until_promo": np.where(near, 1.0, 9.0),
            # the days of one origin and one target date are one group of stores
            "forecast_origin": [date(2015, 6, 19)] * rows,
            "target_date": [date(2015, 6, 20)] * rows,
            "store_type": [("a", "b")[each] for each in number // 2 % 2],
            "base_log_sales": base,
            "sales": np.exp(base + np.where(near, 0.15, -0.05)),
        }
    )


def fitted(family: str, *, trees: int, learning_rate: float, **parameters: Any) -> Model:
    settings = FitSettings(
        trees=trees,
        learning_rate=learning_rate,
        parameters=ONE_SPLIT[family] | parameters,
        seed=7,
        threads=1,
    )
    return model_class(family).fit(panel_of(), FEATURES, settings)


@families
@pytest.mark.parametrize(
    ("trees", "learning_rate", "learned"), [(1, 1.0, 1.0), (1, 0.5, 0.5), (3, 0.5, 0.875)]
)
def test_a_departure_is_the_prediction_of_the_trees(
    family: str, trees: int, learning_rate: float, learned: float
) -> None:
    panel = panel_of()
    found = fitted(family, trees=trees, learning_rate=learning_rate).predict_departures(panel)
    # a quarter of the days has a target of 0.15, the others -0.05: 0 on average
    departure = np.where(panel["days_until_promo"] == 1, 0.15, -0.05) * learned
    # the libraries store trees in 32 bits
    assert found.dtype == np.float64
    assert found == pytest.approx(departure, abs=2e-6)


@families
def test_the_feature_that_is_split_on_has_all_the_gain(family: str) -> None:
    importance = fitted(family, trees=2, learning_rate=0.5).importance()
    assert importance["feature"].to_list() == FEATURES
    assert importance["gain_share"].to_list() == [1.0, 0.0]
    splits = [None, None] if family == "catboost" else [2, 0]
    assert importance["splits"].to_list() == splits


@families
def test_a_saved_model_predicts_the_same_with_any_number_of_threads(
    family: str, tmp_path: Path
) -> None:
    model, panel = fitted(family, trees=3, learning_rate=0.3), panel_of()
    model.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {FILES[family], "categories.json"}
    for threads in (1, 2):
        loaded = model_class(family).load(tmp_path, threads=threads)
        assert loaded.predict_departures(panel).tolist() == model.predict_departures(panel).tolist()
        assert loaded.importance().equals(model.importance())
        assert type(loaded) is model_class(family)


@families
def test_the_same_fit_is_the_same_file(family: str, tmp_path: Path) -> None:
    contents = set()
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        fitted(family, trees=3, learning_rate=0.3).save(tmp_path / name)
        contents.add((tmp_path / name / FILES[family]).read_bytes())
    assert len(contents) == 1


@families
def test_a_fit_is_silent_and_leaves_no_files(
    family: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    fitted(family, trees=2, learning_rate=0.3)
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())


@families
def test_a_missing_file_is_named(family: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        model_class(family).load(tmp_path, threads=1)
    assert missing.value.filename == str(tmp_path / FILES[family])
    assert missing.value.errno == 2


def test_lightgbm_fits_by_the_settings(tmp_path: Path) -> None:
    model_class("lightgbm").fit(
        panel_of(), FEATURES, FitSettings(4, 0.25, {"num_leaves": 3}, seed=11, threads=2)
    ).save(tmp_path)
    text = (tmp_path / "lightgbm.txt").read_text("utf-8")
    for line in (
        "[objective: regression]", "[num_leaves: 3]", "[learning_rate: 0.25]", "[seed: 11]",
        "[num_threads: 2]", "[deterministic: 1]", "[force_row_wise: 1]", "[verbosity: -1]",
        "[num_iterations: 4]",
    ):  # fmt: skip
        assert line in text


def test_lightgbm_splits_text_features_as_categories() -> None:
    # only the middle one of three codes differs; one split of an ordered number cannot separate it
    panel = panel_of(60).with_columns(
        store_type=pl.Series([("a", "b", "c")[each % 3] for each in range(60)])
    )
    apart = panel.with_columns(
        sales=(pl.col("base_log_sales") + pl.when(store_type="b").then(0.2).otherwise(-0.1)).exp()
    )
    parameters = ONE_SPLIT["lightgbm"] | {
        "min_data_per_group": 1, "cat_smooth": 0.0, "cat_l2": 0.0, "max_cat_to_onehot": 4,
    }  # fmt: skip
    model = model_class("lightgbm").fit(apart, FEATURES, FitSettings(1, 1.0, parameters, 1, 1))
    departure = model.predict_departures(apart)
    assert departure == pytest.approx(np.tile([-0.1, 0.2, -0.1], 20), abs=1e-6)


@pytest.mark.parametrize(("parameters", "bins"), [({}, 256), ({"max_bin": 16}, 16)])
def test_xgboost_fits_by_the_settings(parameters: dict[str, Any], bins: int) -> None:
    settings = FitSettings(4, 0.25, {"max_depth": 3, **parameters}, seed=11, threads=2)
    model = model_class("xgboost").fit(panel_of(), FEATURES, settings)
    config = json.loads(model.fitted.save_config())["learner"]
    assert config["objective"]["name"] == "reg:squarederror"
    assert config["generic_param"]["seed"] == "11"
    assert config["generic_param"]["nthread"] == "2"
    tree = config["gradient_booster"]
    assert tree["gbtree_train_param"]["tree_method"] == "hist"
    assert int(tree["tree_train_param"]["max_bin"]) == bins
    assert tree["tree_train_param"]["max_depth"] == "3"
    assert math.isclose(float(tree["tree_train_param"]["learning_rate"]), 0.25)
    assert model.fitted.num_boosted_rounds() == 4


def test_catboost_fits_by_the_settings() -> None:
    settings = FitSettings(4, 0.25, {"depth": 3}, seed=11, threads=2)
    model = model_class("catboost").fit(panel_of(), FEATURES, settings)
    regressor = model.fitted
    assert regressor.tree_count_ == 4
    found = regressor.get_all_params()
    assert (found["depth"], found["random_seed"]) == (3, 11)
    assert found["learning_rate"] == 0.25
    assert found["loss_function"] == "RMSE"
    assert regressor.get_params()["thread_count"] == 2


def test_families_are_known_by_name() -> None:
    for family in FILES:
        assert model_class(family).__module__ == f"rossmann_ml.models.families.{family}"
    with pytest.raises(ValueError, match=f"'prophet'; there are: {', '.join(family_names())}"):
        model_class("prophet")
