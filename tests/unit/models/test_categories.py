"""Codes of text features are saved with the model: other stores never change a store's code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from support.chain import NEWEST_ORIGIN, inputs, small_params, small_recipe

from rossmann_ml.features.grid import StoreGrid
from rossmann_ml.features.panel import (
    STORE_FEATURES,
    FeatureInputs,
    scoring_panel,
    training_origins,
    training_panel,
)
from rossmann_ml.models.blend import Blend
from rossmann_ml.models.categories import Categories

STORES = pl.DataFrame(
    {
        "store_id": [1, 2, 3, 4],
        "store_type": ["c", "a", "c", None],
        "assortment": ["b", "b", "b", "b"],
        "state": ["NW", "BE", None, "HE"],
    }
)


def test_a_code_is_the_position_in_the_alphabet_of_the_training_rows() -> None:
    codes = Categories.of(STORES).encode(STORES)
    assert codes["store_type"].to_list() == [1, 0, 1, -1]
    assert codes["assortment"].to_list() == [0, 0, 0, 0]
    assert codes["state"].to_list() == [2, 0, -1, 1]
    assert codes["store_id"].to_list() == [1, 2, 3, 4]


def test_all_values_that_were_never_seen_have_one_code_of_their_own() -> None:
    known = Categories.of(STORES)
    later = STORES.with_columns(state=pl.Series(["AA", "BE", "ZZ", "HE"]))
    assert known.encode(later)["state"].to_list() == [3, 0, 3, 1]
    assert known.unseen(later).rows() == [(1, "state", "AA"), (3, "state", "ZZ")]
    assert known.unseen(STORES).is_empty()


def test_a_chain_without_known_states_has_them_all_unseen_later() -> None:
    known = Categories.of(STORES.with_columns(state=pl.lit(None, pl.String)))
    assert known.encode(STORES)["state"].to_list() == [0, 0, -1, 0]


def test_codes_are_the_same_after_a_round_trip_through_a_file(tmp_path: Path) -> None:
    known = Categories.of(STORES.with_columns(state=pl.Series(["Å", "é", None, "HE"])))
    known.save(tmp_path)
    assert Categories.load(tmp_path) == known


def test_members_with_different_codes_are_not_saved_as_one_blend(tmp_path: Path) -> None:
    class Member:
        def __init__(self, categories: Categories) -> None:
            self.categories = categories

    members = {"a": Member(Categories.of(STORES)), "b": Member(Categories.of(STORES[:2]))}
    with pytest.raises(ValueError, match="their codes differ"):
        Blend(members, {"a": 0.5, "b": 0.5}).save(tmp_path)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def known(sample_dir: Path) -> FeatureInputs:
    return inputs(sample_dir)


def test_a_store_that_moves_to_an_unseen_state_moves_no_store_of_another_state(
    known: FeatureInputs,
) -> None:
    params = small_params()
    origins = training_origins(
        NEWEST_ORIGIN, first_day=known.sales.first_date, step_days=42, count=3, min_history_days=200
    )
    rows = training_panel(
        known, origins, known_until=NEWEST_ORIGIN, horizon_days=14, params=params.features
    )
    recipe = small_recipe(params)
    blend = recipe.fit_all(rows, known_until=NEWEST_ORIGIN)

    def forecast(stores: pl.DataFrame) -> pl.DataFrame:
        moved = replace(known, stores=StoreGrid.from_frame(stores))
        panel = scoring_panel(
            moved, forecast_origin=NEWEST_ORIGIN, horizon_days=14, params=params.features
        )
        return panel.select("store_id", *STORE_FEATURES).with_columns(
            departure=pl.Series(blend.predict_departures(panel))
        )

    attributes = known.stores.attributes
    mover = attributes.filter(pl.col("state").is_not_null())["store_id"][0]
    left = attributes.filter(pl.col("store_id") == mover)["state"][0]
    # first in alphabetical order, so that numbers assigned at scoring would shift all others
    moved = attributes.with_columns(
        state=pl.when(pl.col("store_id") == mover).then(pl.lit("AA")).otherwise("state")
    )
    before, after = forecast(attributes), forecast(moved)
    others = (before["state"].fill_null("") != left) & (before["store_id"] != mover)
    assert others.sum() > 100
    # the sums of states and of the chain have the same stores in the same order
    np.testing.assert_allclose(
        after.filter(others)["departure"], before.filter(others)["departure"], rtol=0, atol=1e-6
    )
    assert blend.categories.unseen(after)["store_id"].to_list() == [mover]
