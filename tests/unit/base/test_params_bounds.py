"""Bounds of the values in ``params.yaml``: the last accepted and the first refused value.

Definitions: the docstrings of ``rossmann_ml.base.params`` and the comments in ``params.yaml``.
"""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.params.training import SearchRange
from rossmann_ml.base.settings import PROJECT_DIR

SHIPPED = PROJECT_DIR / "params.yaml"
DAYS = "forecast.active_within_days training.min_history_days"
COUNTS = "forecast.vintages_published training.retrain_every_weeks publish.generations_kept"
SHARES = "forecast.origin_min_coverage ingest.max_quarantined_share"
FULL = "training.profiles.full"
CONTINUITY = "publish.continuity"


@cache
def shipped() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    return loaded


def with_value(name: str, value: object) -> dict[str, Any]:
    """Return the shipped parameters with one value replaced, or removed for None."""
    changed = copy.deepcopy(shipped())
    group = changed
    *path, last = name.split(".")
    for part in path:
        group = group[part]
    group[last] = value
    if value is None:
        del group[last]
    return changed


def is_taken(name: str, value: object) -> bool:
    try:
        Params.model_validate(with_value(name, value))
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("names", "taken", "refused"),
    [
        (DAYS, [1, 400], [0, -1, 1.5]),
        ("features.half_lives_days features.residual_windows_days", [[1]], [[0], [7, 0], 7]),
        ("tuning.origin_step_days tuning.min_training_days", [1], [0]),
        (COUNTS, [1], [0]),
        (f"tuning.origins {CONTINUITY}.min_segment_stores {CONTINUITY}.stores_named", [1], [0]),
        ("forecast.horizon_days", [7, 91], [6, 92, 14.5]),
        ("forecast.plan_lookahead_days backtest.reuse_within_days", [0], [-1]),
        (SHARES, [0, 1, 0.5], [-0.01, 1.01]),
        ("blend.shrinkage gate.refit_tolerance gate.segment_tolerance", [0, 7.5], [-0.01]),
        (f"{CONTINUITY}.max_chain_week_change", [0.01, 3], [0, -1]),
        (f"{CONTINUITY}.max_segment_change", [0.01, 3], [0, -1]),
        (f"{CONTINUITY}.min_week_days", [1, 7], [0, 8]),
        (f"{FULL}.max_origins {FULL}.models.lightgbm.trees", [1], [0]),
        (f"{FULL}.rows_share", [0, 1], [-0.01, 1.01]),
        (f"{FULL}.models.xgboost.learning_rate", [0.001, 1], [0, 1.01]),
        (f"{FULL}.models", [{"catboost": {"trees": 1, "learning_rate": 1}}], [{}]),
        (f"{FULL}.backtest_origins_back_days", [[14], [28, 14]], [[], [0], [15], [14, 7], [-14]]),
        (f"{FULL}.origin_step_days", [1, 7, 14], [0, 28, 13]),
        ("training.seed", [0, -1], ["x", 0.5]),
        (
            "training.profiles",
            [{"fast": shipped()["training"]["profiles"]["fast"]}],
            [{"slow": {}}],
        ),
    ],
)
def test_a_parameter_is_accepted_up_to_its_bound_and_refused_beyond(
    names: str, taken: list[object], refused: list[object]
) -> None:
    for name in names.split(" "):
        assert [is_taken(name, value) for value in taken] == [True] * len(taken), name
        assert [is_taken(name, value) for value in refused] == [False] * len(refused), name
        assert not is_taken(name, None), f"{name} left out"
        assert not is_taken(f"{name}_of_mine", taken[0]), "an unknown name"


def test_a_librarys_own_parameters_are_numbers_or_text_of_any_name() -> None:
    found = [
        is_taken("training.families.lightgbm.new", value) for value in (1, 0.5, "text", [1], {})
    ]
    assert found == [True, True, True, False, False]


def test_the_models_of_a_profile_are_families_that_have_parameters() -> None:
    size = {"trees": 1, "learning_rate": 0.5}
    refused = "forest, ridge: no such model family; expected some of lightgbm, xgboost, catboost"
    with pytest.raises(ValueError, match=rf"training\.profiles\.full\.models: {refused}"):
        Params.model_validate(
            with_value(f"{FULL}.models", {"ridge": size, "catboost": size, "forest": size})
        )


@pytest.mark.parametrize(
    ("horizon_days", "back_days"),
    [(14, [70, 126, 364]), (70, [70, 126, 364]), (71, [84, 126, 364]), (91, [98, 126, 364])],
)
def test_backtest_origins_whose_horizon_is_not_over_move_back_by_whole_steps(
    horizon_days: int, back_days: list[int]
) -> None:
    params = Params.model_validate(with_value("forecast.horizon_days", horizon_days))
    assert params.backtest_back_days("fast") == back_days
    long = Params.model_validate(with_value(f"{FULL}.backtest_origins_back_days", [14, 42, 28]))
    assert long.backtest_back_days("full") == [42]  # origins that move to one day are one


@pytest.mark.parametrize(("horizon_days", "limit"), [(7, 1), (14, 5), (42, 33), (91, 33)])
def test_the_plan_need_not_reach_beyond_the_forecast_days(horizon_days: int, limit: int) -> None:
    params = Params.model_validate(with_value("forecast.horizon_days", horizon_days))
    assert params.alert_limits.stale_data.min_plan_days_ahead == limit


def test_uneven_backtest_origins_are_named() -> None:
    with pytest.raises(ValueError, match=r"backtest_origins_back_days \[15, 13\]: .* \(14\)"):
        Params.model_validate(with_value(f"{FULL}.backtest_origins_back_days", [14, 15, 28, 13]))


@pytest.mark.parametrize("family", ["lightgbm", "xgboost", "catboost"])
def test_each_family_has_its_own_parameters_and_search_ranges(family: str) -> None:
    params = Params.model_validate(shipped())
    assert params.training.families[family] == shipped()["training"]["families"][family]
    searched = params.tuning.families[family]
    assert {name: (found.low, found.high, found.log) for name, found in searched.items()} == {
        name: (found["low"], found["high"], found.get("log", False))
        for name, found in shipped()["tuning"]["families"][family].items()
    }
    space = f"tuning.families.{family}"
    with pytest.raises(ValueError, match=f"{space}: odd has no current value"):
        Params.model_validate(with_value(space, {"odd": {"low": 1, "high": 2}}))
    fixed = {"trees": {"low": 1, "high": 2}, "learning_rate": {"low": 0.1, "high": 0.2}}
    assert is_taken(space, fixed)
    assert is_taken(space, None), "a family need not be tuned"
    assert not is_taken(space, {}), "but ranges that are there say what is searched"


@pytest.mark.parametrize(
    ("low", "high", "log", "is_refused"),
    [
        (1, 2, False, False),
        (2, 2, False, True),
        (3, 2, False, True),
        (-1, 0, False, False),
        (0, 1, True, True),
        (-1, 1, True, True),
        (0.001, 1, True, False),
        (0, 1, False, False),
    ],
)
def test_a_range_has_its_ends_in_order_and_above_0_where_it_is_logarithmic(
    low: float, high: float, *, log: bool, is_refused: bool
) -> None:
    if is_refused:
        with pytest.raises(ValueError, match=r"is not below high|expected more than 0"):
            SearchRange(low=low, high=high, log=log)
    else:
        assert SearchRange(low=low, high=high, log=log).log is log


@pytest.mark.parametrize(
    ("low", "high", "is_whole"), [(1, 5, True), (1.0, 5, False), (1, 5.0, False), (0.5, 5.5, False)]
)
def test_a_range_is_whole_if_both_ends_are_and_contains_its_ends(
    low: float, high: float, *, is_whole: bool
) -> None:
    found = SearchRange(low=low, high=high)
    assert found.is_whole is is_whole
    for value in (0, 0.49, 0.5, 0.99, 1, 1.5, 2, 3.0, 5, 5.01, 5.5, 5.51, 6):
        expected = low <= value <= high and (not is_whole or value in (1, 2, 3, 4, 5))
        assert found.contains(value) is expected, value
    assert not found.contains("2")
    assert SearchRange(low=-3, high=high).contains(-0.5) is not isinstance(high, int)


def test_a_fault_in_a_file_is_named_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"

    def refusal() -> str:
        with pytest.raises(SettingsError) as refused:
            load_params(path)
        return str(refused.value)

    assert refusal() == f"{path}: the parameter file is not there"
    path.write_text("a: [")
    assert refusal().startswith(f"{path}: not readable as YAML: ")
    path.write_text("3")
    assert refusal() == f"{path}: Input should be a valid dictionary or instance of Params"
    wrong = with_value("forecast.horizon_days", 0)
    wrong["gate"]["refit_tolerance"] = "some"
    path.write_text(yaml.safe_dump(wrong))
    assert refusal() == (
        f"{path}: forecast.horizon_days = 0: Input should be greater than or equal to 7; "
        "gate.refit_tolerance = 'some': Input should be a valid number, unable to parse string as "
        "a number"
    )


def test_the_shipped_file_is_valid() -> None:
    assert load_params(SHIPPED).model_dump(mode="json", exclude={"training", "tuning"}) == {
        key: value for key, value in shipped().items() if key not in ("training", "tuning")
    }


def test_both_profiles_train_the_same_models() -> None:
    profiles = shipped()["training"]["profiles"]
    for profile in profiles.values():
        del profile["backtest_origins_back_days"]
    assert profiles["fast"] == profiles["full"]
