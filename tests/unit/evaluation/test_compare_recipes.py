"""The comparison of two recipes on the same past days (``rossmann_ml.evaluation.comparison``).

By its docstrings, only days count that both recipes forecast, as they would have been served;
RMSPEs are medians over origins; ``worse_by`` is relative and negative if better.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.evaluation_world import (
    FAMILIES,
    LAST_DAY,
    as_of,
    emptied,
    made_folds,
    memory_database,
    small_params,
    store_folds,
    versions_of,
    world,
)
from support.score_references import assert_same, by_origin, scores_of, segments_of

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import load_settings
from rossmann_ml.evaluation.backtest import served
from rossmann_ml.evaluation.comparison import (
    CHAIN_BY_DAY,
    STORE_WITHIN_A_DAY,
    Comparison,
    compare,
)
from rossmann_ml.evaluation.error_parts import level_errors
from rossmann_ml.models.recipe import Recipe, RecipeKey

PARAMS = small_params()
FEATURES = world()
INPUTS = as_of(FEATURES)
ORIGINS = [LAST_DAY - timedelta(days=days) for days in (56, 42, 28, 14)]
MINE = RecipeKey("my features", {family: f"my {family}" for family in FAMILIES}, shrinkage=0.2)
THEIRS = RecipeKey("their features", {FAMILIES[0]: "their member"}, shrinkage=0.2)
STATES = {1: "BY", 2: None, 3: "HE"}


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with memory_database() as opened:
        yield opened


@pytest.fixture
def connection(database: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    return emptied(database)


def keep(connection: duckdb.DuckDBPyConnection, folds: pl.DataFrame, key: RecipeKey) -> None:
    origins = folds["forecast_origin"].unique().to_list()
    store_folds(connection, folds, key, versions_of(FEATURES, origins, PARAMS))


def compared(
    connection: duckdb.DuckDBPyConnection, other: RecipeKey = THEIRS, params: Params = PARAMS
) -> Comparison | None:
    return compare(connection, load_settings(threads=1), params, INPUTS, key=MINE, other=other)


def pair(seed: int, mine: list[date], theirs: list[date]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Build past forecasts of the same days by two recipes; the second one lacks some days."""
    every = made_folds(seed, origins=ORIGINS)
    first = every.filter(pl.col("forecast_origin").is_in(mine))
    some_days = pl.col("horizon_days") != 5
    second = every.filter(pl.col("forecast_origin").is_in(theirs) & some_days)
    own = {FAMILIES[0]: pl.col("linear") + 0.02 * pl.col("horizon_days")}
    return first, second.with_columns(**own).drop(FAMILIES[1])


CHOICE = st.lists(st.sampled_from(ORIGINS), min_size=1, max_size=4, unique=True)


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 10_000), mine=CHOICE, theirs=CHOICE)
def test_figures_are_medians_over_origins_of_the_days_that_both_forecast(
    database: duckdb.DuckDBPyConnection, seed: int, mine: list[date], theirs: list[date]
) -> None:
    first, second = pair(seed, mine, theirs)
    connection = emptied(database)
    keep(connection, first, MINE)
    keep(connection, second, THEIRS)
    found = compared(connection)
    key = ("forecast_origin", "store_id", "target_date")
    other = {
        tuple(row[name] for name in key): row["blend"]
        for row in served(second.sort(key), THEIRS).rows(named=True)
    }
    rows = [
        {**row, "mine": row["blend"], "theirs": other[at], "state": STATES[row["store_id"]]}
        for row in served(first.sort(key), MINE).rows(named=True)
        if (at := tuple(row[name] for name in key)) in other
    ]
    if not rows:
        assert found is None
        return
    assert found is not None

    def median_rmspe(part: list[dict], name: str) -> float:
        each = [
            scores_of([{**row, "forecast": row[name]} for row in origin])["rmspe"]
            for origin in by_origin(part).values()
        ]
        return float(statistics.median(each))

    assert (found.store_days, found.origins) == (len(rows), len(by_origin(rows)))
    assert_same(found.rmspe, median_rmspe(rows, "mine"))
    assert_same(found.rmspe_other, median_rmspe(rows, "theirs"))
    chain, store = level_errors(pl.DataFrame(rows), ["mine", "theirs"])
    assert chain[0] != chain[1]
    assert found.levels == {
        CHAIN_BY_DAY: pytest.approx(chain, rel=1e-9),
        STORE_WITHIN_A_DAY: pytest.approx(store, rel=1e-9),
    }
    expected = segments_of(rows)
    del expected["overall", "all"]
    segments = {
        (row["segment_kind"], row["segment"]): row for row in found.segments.rows(named=True)
    }
    assert segments.keys() == expected.keys()
    for where, part in expected.items():
        own, others = median_rmspe(part, "mine"), median_rmspe(part, "theirs")
        assert segments[where]["store_days"] == len(part)
        assert_same(segments[where]["rmspe"], own)
        assert_same(segments[where]["rmspe_other"], others)
        assert_same(segments[where]["worse_by"], (own - others) / others)


def test_nothing_is_compared_without_a_backtest_of_the_first_recipe(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    keep(connection, pair(1, ORIGINS, ORIGINS)[1], THEIRS)
    with pytest.raises(NoDataError, match="no backtest of this recipe"):
        compared(connection)


def test_without_stored_forecasts_or_a_definition_of_the_other_recipe_there_is_no_comparison(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    keep(connection, pair(1, ORIGINS, ORIGINS)[0], MINE)
    assert compared(connection) is None


def one_member(params: Params) -> Params:
    loaded = params.model_dump()
    for profile in loaded["training"]["profiles"].values():
        profile["models"] = {"lightgbm": {"trees": 2, "learning_rate": 0.3}}
    return Params.model_validate(loaded)


def test_missing_forecasts_of_the_other_recipe_are_computed_if_params_still_define_it(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    params = one_member(PARAMS)
    keep(connection, pair(2, ORIGINS, ORIGINS)[0], MINE)
    recipe = Recipe("full", params, threads=1)  # the second of the two profiles
    said: list[str] = []
    found = compare(
        connection,
        load_settings(threads=1),
        params,
        INPUTS,
        key=MINE,
        other=recipe.key,
        progress=said.append,
    )
    assert said[0] == (
        "backtest of the champion's recipe, which shares no origin with the challenger's"
    )
    assert found is not None
    assert found.origins == 3  # the profile's origins, 56, 28 and 14 days earlier
    ((stored,),) = connection.execute(
        "SELECT count(DISTINCT forecast_origin) FROM forecasting.out_of_fold_forecasts "
        "WHERE member_hash = ?",
        [recipe.member_hash("lightgbm")],
    ).fetchall()
    assert stored == 3


def test_nothing_is_computed_where_the_two_share_an_origin(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    params = one_member(PARAMS)
    theirs = Recipe("fast", params, threads=1).key
    first, second = pair(3, ORIGINS, ORIGINS[1:2])
    keep(connection, first, MINE)
    keep(connection, second, theirs)
    found = compared(connection, theirs, params)
    assert found is not None
    assert found.origins == 1


def test_a_recipe_is_as_good_as_itself(connection: duckdb.DuckDBPyConnection) -> None:
    keep(connection, pair(4, ORIGINS, ORIGINS)[0], MINE)
    found = compared(connection, replace(MINE))
    assert found is not None
    assert found.rmspe == found.rmspe_other
    assert set(found.segments["worse_by"]) == {0.0}
