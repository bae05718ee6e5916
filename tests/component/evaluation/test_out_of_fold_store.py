"""Stored out-of-fold forecasts: which are read, and which are computed.

By the docstrings of ``rossmann_ml.evaluation.folds``, the newest wanted origin must be stored; for
any other, an origin within ``backtest.reuse_within_days`` (6 here) is sufficient. Forecasts of
other data or of another recipe do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta

import duckdb
import polars as pl
import pytest
from support.evaluation_world import (
    HORIZON_DAYS,
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

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import Params
from rossmann_ml.evaluation.backtest import fold_days, fold_panel
from rossmann_ml.evaluation.folds import Folds, complete_folds, read_folds
from rossmann_ml.features.panel import training_panel
from rossmann_ml.models.departures import centred
from rossmann_ml.models.recipe import Recipe

PARAMS = small_params()
RECIPE = Recipe("fast", PARAMS, threads=1)
FEATURES = world()
INPUTS = as_of(FEATURES)
WISHED = [LAST_DAY - timedelta(days=days) for days in (56, 28, 14)]


class FitAskedError(Exception):
    """The training panel was requested, so a fit is needed."""


def no_panel() -> pl.DataFrame:
    raise FitAskedError


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with memory_database() as opened:
        yield opened


@pytest.fixture
def connection(database: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Return the database without past forecasts."""
    return emptied(database)


@pytest.fixture
def keep(connection: duckdb.DuckDBPyConnection) -> Callable[..., pl.DataFrame]:
    """Return a function that stores made-up forecasts of origins."""

    def kept(
        *origins: date, recipe: Recipe = RECIPE, versions: dict[date, str] | None = None
    ) -> pl.DataFrame:
        folds = made_folds(1, origins=list(origins), families=recipe.families)
        known = versions or versions_of(FEATURES, list(origins), PARAMS)
        store_folds(connection, folds, recipe.key, known)
        return folds

    return kept


def complete(connection: duckdb.DuckDBPyConnection, recipe: Recipe = RECIPE) -> Folds:
    return complete_folds(connection, INPUTS, recipe, no_panel)


def test_stored_forecasts_of_every_wanted_origin_are_read_without_a_fit(
    connection: duckdb.DuckDBPyConnection, keep: Callable[..., pl.DataFrame]
) -> None:
    folds = keep(*reversed(WISHED))
    found = complete(connection)
    assert found.computed == []
    assert found.origins == WISHED
    expected = folds.sort("forecast_origin", "store_id", "target_date")
    assert found.rows.select(expected.columns).equals(expected)
    assert set(found.rows.columns) == set(expected.columns)


@pytest.mark.parametrize("days", [-6, -1, 1, 6])
@pytest.mark.parametrize("wished", [0, 1])
def test_a_near_origin_serves_in_place_of_an_older_one(
    connection: duckdb.DuckDBPyConnection,
    keep: Callable[..., pl.DataFrame],
    wished: int,
    days: int,
) -> None:
    origins = list(WISHED)
    origins[wished] += timedelta(days=days)
    keep(*origins)
    found = complete(connection)
    assert (found.computed, found.origins) == ([], origins)


@pytest.mark.parametrize("days", [-7, 7])
def test_an_origin_further_off_than_that_does_not(
    connection: duckdb.DuckDBPyConnection, keep: Callable[..., pl.DataFrame], days: int
) -> None:
    keep(WISHED[0] + timedelta(days=days), *WISHED[1:])
    with pytest.raises(FitAskedError):
        complete(connection)


@pytest.mark.parametrize("days", [-6, -1])
def test_no_other_origin_serves_in_place_of_the_newest(
    connection: duckdb.DuckDBPyConnection, keep: Callable[..., pl.DataFrame], days: int
) -> None:
    keep(*WISHED[:2], WISHED[2] + timedelta(days=days))
    with pytest.raises(FitAskedError):
        complete(connection)


@pytest.mark.parametrize(("days", "is_read"), [(6, True), (7, False)])
def test_origins_up_to_the_reuse_span_before_the_oldest_wanted_one_are_read_too(
    connection: duckdb.DuckDBPyConnection,
    keep: Callable[..., pl.DataFrame],
    days: int,
    is_read: bool,
) -> None:
    older = WISHED[0] - timedelta(days=days)
    keep(older, *WISHED)
    assert (older in complete(connection).origins) == is_read


@pytest.mark.parametrize(("days", "is_read"), [(62, True), (63, False)])
def test_reading_goes_back_to_the_oldest_origin_of_any_profile_and_the_reuse_span(
    connection: duckdb.DuckDBPyConnection,
    keep: Callable[..., pl.DataFrame],
    days: int,
    is_read: bool,
) -> None:
    older = LAST_DAY - timedelta(days=days)
    keep(older, WISHED[2])
    found = read_folds(connection, INPUTS, PARAMS, RECIPE.key)
    assert found.computed == []
    assert found.origins == [older, WISHED[2]][not is_read :]


def test_an_origin_whose_horizon_is_not_over_is_not_read(
    connection: duckdb.DuckDBPyConnection, keep: Callable[..., pl.DataFrame]
) -> None:
    over = LAST_DAY - timedelta(days=HORIZON_DAYS)
    versions = {over: versions_of(FEATURES, [over], PARAMS)[over]}
    too_new = over + timedelta(days=1)
    versions |= versions_of(FEATURES, [too_new], PARAMS)
    keep(over, too_new, versions=versions)
    assert read_folds(connection, INPUTS, PARAMS, RECIPE.key).origins == [over]


def test_what_was_made_of_other_data_does_not_count(
    connection: duckdb.DuckDBPyConnection, keep: Callable[..., pl.DataFrame]
) -> None:
    keep(WISHED[2], versions={WISHED[2]: "other data"})
    with pytest.raises(NoDataError, match="no backtest of this recipe on this data"):
        read_folds(connection, INPUTS, PARAMS, RECIPE.key)
    keep(WISHED[1])
    assert read_folds(connection, INPUTS, PARAMS, RECIPE.key).origins == [WISHED[1]]


def test_an_origin_that_only_some_members_have_forecast_does_not_count(
    connection: duckdb.DuckDBPyConnection, keep: Callable[..., pl.DataFrame]
) -> None:
    keep(*WISHED)
    connection.execute(
        "DELETE FROM forecasting.out_of_fold_forecasts "
        "WHERE model = 'xgboost' AND forecast_origin = ?",
        [WISHED[1]],
    )
    found = read_folds(connection, INPUTS, PARAMS, RECIPE.key)
    assert found.origins == [WISHED[0], WISHED[2]]


def test_another_recipes_forecasts_are_not_mixed_in(
    connection: duckdb.DuckDBPyConnection, keep: Callable[..., pl.DataFrame]
) -> None:
    mine = keep(*WISHED)
    other = replace(RECIPE, profile="full")
    assert other.key != RECIPE.key
    keep(*WISHED, recipe=other)
    found = read_folds(connection, INPUTS, PARAMS, RECIPE.key).rows
    assert len(found) == len(mine)
    assert found["xgboost"].equals(mine["xgboost"])


class Fitted:
    """A recipe with one small member, and a record of its fits."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, origins_per_fit: int = 1) -> None:
        self.connection = connection
        loaded = PARAMS.model_dump()
        loaded["backtest"]["origins_per_fit"] = origins_per_fit
        for profile in loaded["training"]["profiles"].values():
            profile["models"] = {"lightgbm": {"trees": 2, "learning_rate": 0.3}}
        self.params = Params.model_validate(loaded)
        self.recipe = Recipe("fast", self.params, threads=1)
        self.said: list[str] = []

    def panel(self) -> pl.DataFrame:
        return training_panel(
            FEATURES,
            [WISHED[0] - timedelta(days=days) for days in (14, 28, 42)],
            known_until=LAST_DAY,
            horizon_days=HORIZON_DAYS,
            params=self.params.features,
        )

    def complete(self, panel: pl.DataFrame | None = None) -> Folds:
        given = self.panel() if panel is None else panel
        return complete_folds(
            self.connection, INPUTS, self.recipe, lambda: given, progress=self.said.append
        )


def test_what_is_missing_is_fitted_stored_and_named(
    connection: duckdb.DuckDBPyConnection, keep: Callable[..., pl.DataFrame]
) -> None:
    fitted = Fitted(connection)
    keep(WISHED[1], recipe=fitted.recipe)
    found = fitted.complete()
    assert found.computed == [WISHED[0], WISHED[2]]
    assert found.origins == WISHED
    assert fitted.said == [
        f"backtest at origin {WISHED[0]}, 1 of 2",
        f"fit of lightgbm as of {WISHED[0]}",
        f"backtest at origin {WISHED[2]}, 2 of 2",
        f"fit of lightgbm as of {WISHED[2]}",
    ]
    for origin in (WISHED[0], WISHED[2]):
        expected = fold_days(FEATURES, fold_panel(FEATURES, origin, fitted.recipe), fitted.recipe)
        rows = found.rows.filter(pl.col("forecast_origin") == origin)
        assert rows.drop("lightgbm").equals(expected)
    again = fitted.complete()
    assert again.computed == []
    assert again.rows.equals(found.rows)


def test_the_models_of_a_past_origin_use_no_later_sales(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    origin = WISHED[0]

    def forecasts(changed: pl.Expr) -> pl.Series:
        fitted = Fitted(emptied(connection))
        sales = pl.when(changed).then(pl.col("sales") * 3).otherwise("sales")
        rows = fitted.complete(fitted.panel().with_columns(sales=sales)).rows
        return rows.filter(pl.col("forecast_origin") == origin)["lightgbm"]

    as_it_is = forecasts(pl.lit(False))
    assert forecasts(pl.col("target_date") > origin).equals(as_it_is)
    # one store's sales only, because models learn departures from the mean of the day's stores
    of_one = (pl.col("target_date") == origin) & (pl.col("store_id") == pl.col("store_id").min())
    assert not forecasts(of_one).equals(as_it_is)


def test_an_interrupted_backtest_continues_with_the_next_fit(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    fitted = Fitted(connection)
    first = fitted.complete()
    connection.execute(
        "DELETE FROM forecasting.out_of_fold_forecasts WHERE forecast_origin = ?", [WISHED[1]]
    )
    fitted.said.clear()
    assert fitted.complete().computed == [WISHED[1]]  # the days of the origin are stored only once
    assert fitted.said == [
        f"backtest at origin {WISHED[1]}, 1 of 1",
        f"fit of lightgbm as of {WISHED[1]}",
    ]
    assert fitted.complete().rows.equals(first.rows)


def test_an_older_fold_leaves_the_forecasts_of_later_fits(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    fitted = Fitted(connection, origins_per_fit=3)
    first = fitted.complete()
    connection.execute(
        "DELETE FROM forecasting.out_of_fold_forecasts WHERE trained_through = ?", [WISHED[1]]
    )
    again = fitted.complete()  # the third week after the fold is the next fold's
    assert again.computed == [WISHED[1]]
    assert again.fitted == first.fitted == WISHED
    assert again.rows.equals(first.rows)


def test_models_of_a_fold_forecast_from_the_weeks_after_it_that_are_over(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    fitted = Fitted(connection, origins_per_fit=3)
    found = fitted.complete()
    weekly = [LAST_DAY - timedelta(days=days) for days in (56, 49, 42, 28, 21, 14)]
    assert (found.fitted, found.origins) == (WISHED, weekly)
    late = WISHED[0] + timedelta(days=7)
    to_score = fold_panel(FEATURES, late, fitted.recipe)
    model = fitted.recipe.fit("lightgbm", fitted.panel(), known_until=WISHED[0])
    chain = fitted.recipe.fit_chain(fitted.panel(), known_until=WISHED[0])
    expected = (
        centred(to_score, model.predict_departures(to_score))
        + (
            to_score.join(
                chain.corrections(to_score),
                on=["forecast_origin", "target_date"],
                maintain_order="left",
            )
        )["correction"].to_numpy()
    )
    rows = found.rows.filter(pl.col("forecast_origin") == late)
    assert (rows["lightgbm"] - rows["linear"] - pl.Series(expected)).abs().max() < 1e-12


def test_a_fit_of_its_own_replaces_what_an_earlier_fold_forecast(
    connection: duckdb.DuckDBPyConnection, keep: Callable[..., pl.DataFrame]
) -> None:
    fitted = Fitted(connection)
    keep(*WISHED, recipe=fitted.recipe)
    connection.execute(
        "UPDATE forecasting.out_of_fold_forecasts SET trained_through = ? "
        "WHERE forecast_origin = ?",
        [WISHED[0], WISHED[2]],
    )
    read = read_folds(connection, INPUTS, fitted.params, fitted.recipe.key)
    assert (read.fitted, read.origins) == (WISHED[:2], WISHED)
    found = fitted.complete()
    assert (found.computed, found.fitted, found.origins) == ([WISHED[2]], WISHED, WISHED)
    assert found.rows.select("forecast_origin", "store_id", "target_date").is_unique().all()


def test_only_the_member_that_is_missing_is_fitted(
    connection: duckdb.DuckDBPyConnection, keep: Callable[..., pl.DataFrame]
) -> None:
    keep(*WISHED)
    connection.execute(
        "DELETE FROM forecasting.out_of_fold_forecasts "
        "WHERE model = 'xgboost' AND forecast_origin = ?",
        [WISHED[2]],
    )
    said: list[str] = []
    panel = Fitted(connection).panel()
    found = complete_folds(connection, INPUTS, RECIPE, lambda: panel, progress=said.append)
    assert found.computed == [WISHED[2]]
    assert said == [f"backtest at origin {WISHED[2]}, 1 of 1", f"fit of xgboost as of {WISHED[2]}"]
