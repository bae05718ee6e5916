"""How much history a backtest needs, and how far back its oldest origin is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import duckdb
import polars as pl
import pytest
from support.evaluation_world import (
    FIRST_DAY,
    HISTORY_DAYS,
    LAST_DAY,
    as_of,
    made_folds,
    memory_database,
    small_params,
    store_folds,
    versions_of,
    world,
)

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import Params
from rossmann_ml.evaluation.folds import complete_folds
from rossmann_ml.models.recipe import Recipe

PARAMS = small_params()
FEATURES = world()


def no_panel() -> pl.DataFrame:
    raise AssertionError("no fit is needed")


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with memory_database() as opened:
        yield opened


def backtested(
    connection: duckdb.DuckDBPyConnection, history_days: int, **profile: object
) -> list[date]:
    """Return the origins that a backtest computes, for a length of history and a profile."""
    loaded = PARAMS.model_dump()
    for each in loaded["training"]["profiles"].values():
        each |= {"models": {"lightgbm": {"trees": 2, "learning_rate": 0.3}}, **profile}
    recipe = Recipe("fast", Params.model_validate(loaded), threads=1)
    cut = HISTORY_DAYS - history_days
    features = replace(
        FEATURES,
        sales=replace(
            FEATURES.sales,
            first_date=FIRST_DAY + timedelta(days=cut),
            sales=FEATURES.sales.sales[:, cut:],
        ),
    )
    inputs = as_of(features)
    origins = [LAST_DAY - timedelta(days=days) for days in range(14, 104)]
    folds = made_folds(1, origins=origins, families=recipe.families, stores=1)
    store_folds(connection, folds, recipe.key, versions_of(features, origins, recipe.params))
    return complete_folds(connection, inputs, recipe, no_panel).origins


@pytest.mark.parametrize(
    ("history_days", "oldest_days"),
    # at least 60 days before the first training origin, which is a multiple of 14 days earlier, and
    # 42 after it: with 131 to 144 days of history it is 70 days earlier, with 145 days 84
    [(131, 28), (144, 28), (145, 42)],
)
def test_the_oldest_origin_has_the_history_that_training_needs(
    connection: duckdb.DuckDBPyConnection, history_days: int, oldest_days: int
) -> None:
    wished = [28, 42, 14]
    found = backtested(connection, history_days, backtest_origins_back_days=wished)
    assert found[0] == LAST_DAY - timedelta(days=oldest_days + 6)


def test_the_first_training_origin_is_no_further_back_than_the_profile_counts(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    wished = [14, 28, 42, 56]
    found = backtested(connection, HISTORY_DAYS, backtest_origins_back_days=wished, max_origins=6)
    assert found[0] == LAST_DAY - timedelta(days=42 + 6)  # 6 x 14 - 42


def test_too_little_history_for_a_single_origin_is_an_error(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    # without any training origin, the newest origin counts as the first one
    enough = LAST_DAY + timedelta(days=42)
    with pytest.raises(NoDataError, match=f"too little history.*enough history is {enough}"):
        backtested(connection, 50)
