"""Every feature and every column of the linear forecast has one group of causes.

See the docstring of :mod:`rossmann_ml.features.driver_groups` for the definition.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support import frozen_world
from support.planted_modules import plan_group, planted

from rossmann_ml.base.params import FeatureParams
from rossmann_ml.features import plan
from rossmann_ml.features.driver_groups import (
    BIAS_FACTOR,
    GROUPS,
    LEVEL,
    LINEAR_FEATURES,
    PARTS,
    feature_groups,
)
from rossmann_ml.features.linear_design import LinearDesign
from rossmann_ml.features.panel import feature_names


def test_parts_are_the_level_the_groups_in_their_order_and_the_bias_factor() -> None:
    assert GROUPS == ("weekday", "promo", "holidays", "season", "trend", "competition")
    assert PARTS == (LEVEL, *GROUPS, BIAS_FACTOR) == ("level", *GROUPS, "bias_factor")


def test_every_feature_of_a_panel_is_in_one_group() -> None:
    names = feature_names(FeatureParams(half_lives_days=[5, 400], residual_windows_days=[7, 11]))
    found = feature_groups(names)
    assert list(found) == names
    assert set(found.values()) == {LINEAR_FEATURES, LEVEL, *GROUPS}


@pytest.mark.parametrize(
    ("feature", "group"),
    [
        ("store_type", "level"),
        ("base_log_sales", "linear"),
        ("day_of_week", "weekday"),
        ("days_until_promo", "promo"),
        ("days_until_closed", "holidays"),
        ("days_to_month_end", "season"),
        ("horizon_days", "trend"),
        ("residual_91d", "trend"),
        ("chain_residual_7d", "trend"),
        ("residual_no_promo_56d", "trend"),
        ("cell_difference_180d", "trend"),
        ("last_year_store", "trend"),
        ("last_year_state_7d", "trend"),
        ("year_before_chain_7d", "trend"),
        ("competition_months", "competition"),
    ],
)
def test_a_feature_has_the_group_of_its_topic(feature: str, group: str) -> None:
    assert feature_groups([feature]) == {feature: group}


def test_a_feature_in_no_group_or_in_two_is_refused(tmp_path: Path) -> None:
    # the pattern must match the whole name, not a part of it
    for feature in ("weather", "my_day_of_week", "day_of_week_2", "residual_7days"):
        with pytest.raises(ValueError, match=f"feature {feature} belongs to no group"):
            feature_groups(["is_promo", feature])
    with planted(plan, "other", plan_group({"is_promo": "as in promo"}, "season"), tmp_path):
        refused = "feature is_promo belongs to promo and season, expected one group of drivers: "
        with pytest.raises(ValueError, match=f"{refused}linear, level, weekday, promo"):
            feature_groups(["is_promo"])
    odd = plan_group({"odd": "of no group"}, "weather")
    with (
        planted(plan, "odd", odd, tmp_path),
        pytest.raises(ValueError, match="feature odd belongs to weather, expected one group"),
    ):
        feature_groups(["odd"])


def test_every_linear_column_is_in_one_group() -> None:
    design = LinearDesign.from_plan(frozen_world.inputs().plan)
    assert len(design.causes) == design.columns
    assert set(design.causes) == set(GROUPS) - {"competition"}
