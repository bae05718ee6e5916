"""A feature group is one file: a new module adds its features to panels, names and causes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from support import frozen_world
from support.planted_modules import plan_group, planted

import rossmann_ml.features
from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.features import history, plan
from rossmann_ml.features.driver_groups import feature_groups
from rossmann_ml.features.panel import (
    categorical_features,
    feature_names,
    scoring_panel,
    training_panel,
)
from rossmann_ml.models.recipe import Recipe

INPUTS, PARAMS, ORIGIN = frozen_world.inputs(), frozen_world.PARAMS, frozen_world.ORIGIN
DAYS = {"horizon_days": 14, "params": PARAMS}
LONG = 120  # days, more than the look-back of any feature of the product
STREAKS = """
from rossmann_ml.features.groups import HistoryGroup


def _compute(past, _horizon_days):
    sums = {
        f"sold_days_{days}d": past.observed[:, -days:].sum(axis=1)[:, None]
        for days in past.params.residual_windows_days
    }
    return {**sums, "is_known": past.observed.any(axis=1)[:, None]}


GROUP = HistoryGroup(
    meanings={
        "sold_days_{residual_windows_days}d": "number of days with sales over so many last days",
        "is_known": "1 if the store has sold, else 0",
    },
    cause="trend",
    other_causes={"is_known": "level"},
    compute=_compute,
)
"""


@pytest.fixture
def new_groups(tmp_path: Path) -> Iterator[None]:
    opened = plan_group({"open_days": "open days of 121"}, "season", look_back_days=LONG)
    with (
        planted(plan, "zz_opened", opened, tmp_path),
        planted(history, "zz_streaks", STREAKS, tmp_path),
    ):
        yield


@pytest.mark.usefixtures("new_groups")
def test_a_new_file_is_a_column_of_training_and_scoring_panels() -> None:
    of_history = [f"sold_days_{days}d" for days in PARAMS.residual_windows_days] + ["is_known"]
    names = feature_names(PARAMS)
    # new groups come last, so that those there were keep their place
    assert names[names.index("store_type") - 1] == "open_days"
    assert names[-len(of_history) :] == of_history
    scored = scoring_panel(INPUTS, forecast_origin=ORIGIN, **DAYS)
    assert scored.select(names).columns == names
    assert scored.select("open_days", *of_history).dtypes == [pl.Float32] * (1 + len(of_history))
    earlier = ORIGIN - timedelta(days=14)
    learnt = training_panel(INPUTS, [earlier], known_until=ORIGIN, **DAYS)
    again = scoring_panel(INPUTS, forecast_origin=earlier, **DAYS)
    both = learnt.join(again, on=["store_id", "target_date"], maintain_order="left")
    for name in ("open_days", *of_history):
        assert both[name].to_list() == both[f"{name}_right"].to_list(), name

    column = INPUTS.plan.column(ORIGIN)
    is_open = INPUTS.plan.is_open[0, column + 1 - LONG : column + 2]
    assert scored["open_days"][0] == is_open.sum()
    sold = np.nan_to_num(INPUTS.sales.sales[0, : (ORIGIN - INPUTS.sales.first_date).days + 1]) > 0
    for days in PARAMS.residual_windows_days:
        assert scored[f"sold_days_{days}d"][0] == sold[-days:].sum()


@pytest.mark.usefixtures("new_groups")
def test_a_new_file_says_what_causes_it_and_whether_its_numbers_have_an_order() -> None:
    found = feature_groups(feature_names(PARAMS))
    assert found["open_days"] == "season"
    assert found["is_known"] == "level"
    assert {found[f"sold_days_{days}d"] for days in PARAMS.residual_windows_days} == {"trend"}
    assert feature_groups(["sold_days_5000d"]) == {"sold_days_5000d": "trend"}
    assert "open_days" in categorical_features()
    assert plan.look_back_days() == LONG


def test_the_longest_look_back_is_that_of_any_group() -> None:
    groups = {group.look_back_days for group in plan.plan_groups()}
    assert plan.look_back_days() == max(groups)
    assert {0, 14, 15, 74} <= groups  # of long closures and promotions at least
    assert categorical_features()[:2] == ["state_holiday", "next_state_holiday"]


@pytest.mark.parametrize("name", ["month", "is_known", "horizon_days", "residual_7d"])
def test_a_name_that_is_taken_is_refused(tmp_path: Path, name: str) -> None:
    twice = plan_group({name: "taken"}, "season")
    params = PARAMS.model_copy(update={"residual_windows_days": [7]})
    with (
        planted(history, "zz_streaks", STREAKS, tmp_path),
        planted(plan, "zz_twice", twice, tmp_path),
        pytest.raises(ValueError, match=f"feature groups share the names {name}: expected"),
    ):
        feature_names(params)


def test_a_recipes_features_are_those_of_the_code_of_all_modules_that_compute_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(rossmann_ml.features.__file__).parent
    recipe = Recipe("fast", load_params(PROJECT_DIR / "params.yaml"), 1)

    def hash_with(change: str, text: str) -> str:
        copy = tmp_path / str(len(list(tmp_path.iterdir())))
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
        with (copy / change).open("a", encoding="utf-8") as file:
            file.write(text)
        monkeypatch.setattr(rossmann_ml.features, "__file__", str(copy / "__init__.py"))
        return recipe.features_hash

    before = recipe.features_hash
    assert hash_with("plan/promo.py", "# a comment\n") == before
    assert hash_with("driver_groups.py", "MORE = 1\n") == before
    changed = [
        hash_with(name, "MORE = 1\n")
        for name in ("grid.py", "plan/promo.py", "plan/__init__.py", "history/__init__.py")
    ]
    added = hash_with("history/streaks.py", STREAKS)
    assert len({before, added, *changed}) == 6
