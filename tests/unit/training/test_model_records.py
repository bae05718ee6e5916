"""The records of a trained model, written and read back."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.evaluation_world import emptied, memory_database, small_params

from rossmann_ml.models.recipe import Recipe
from rossmann_ml.training.model_records import (
    TrainingReport,
    record_model,
    rmspe_by_origin,
    rmspe_summary,
    stored_report,
)
from rossmann_ml.warehouse.connection import utc_now
from rossmann_ml.warehouse.versions import Versions

FIRST = date(2015, 1, 4)
WEIGHTS = {"lightgbm": 0.25, "xgboost": 0.75}
IMPORTANCE = pl.DataFrame(
    {"feature": ["is_promo", "month"], "gain": [3.0, 1.0], "gain_share": [0.75, 0.25],
     "splits": [7, 5]}
)  # fmt: skip
PARTS = pl.DataFrame(
    {"model": ["blend"], "forecast_origin": [FIRST], "season": ["ordinary"], "part": ["chain_day"],
     "log_error": [0.04], "origins": [1], "store_days": [10]}
)  # fmt: skip
RECIPE = Recipe("fast", small_params(), threads=1)


def bundle(version: str = "blend-1") -> Any:
    """Return a bundle with version, weights and importances for a report."""
    model = SimpleNamespace(weights=WEIGHTS, importance=lambda: IMPORTANCE)
    metadata = SimpleNamespace(trained_through="2015-06-19")
    return SimpleNamespace(model_version=version, model=model, metadata=metadata)


def scores(figures: list[float]) -> pl.DataFrame:
    """Return the blend's RMSPE at each origin, and other rows."""
    standard = {
        "model": "blend", "segment_kind": "overall", "segment": "all", "store_days": 10,
        "rmse": 1.0, "mae": 1.0, "mape": 1.0, "wape": 1.0, "bias": 0.0, "origins": 1,
        "interval_origins": 1, "skill": 0.5, "coverage_80": 0.8, "coverage_95": 0.95,
    }  # fmt: skip
    origins = [FIRST + timedelta(days=14 * number) for number in range(len(figures))]
    rows = [
        {**standard, "forecast_origin": origin, "rmspe": value}
        for origin, value in zip(origins, figures, strict=True)
    ]
    rows += [
        {**standard, "forecast_origin": None, "rmspe": 7.0},
        {**standard, "forecast_origin": FIRST, "rmspe": 7.0, "model": "linear"},
        {**standard, "forecast_origin": FIRST, "rmspe": 7.0, "segment_kind": "state"},
    ]
    return pl.DataFrame(rows).with_columns(rmspe_median="rmspe")


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with memory_database() as opened:
        yield opened


@pytest.fixture
def connection(database: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    return emptied(database)


def enter(
    connection: duckdb.DuckDBPyConnection, version: str = "blend-1", **given_values: Any
) -> None:
    values = {"training_rows": 1234, "seconds": 5.5, "mlflow_run_id": "m", "registry_version": "3"}
    record_model(
        connection,
        bundle(version),
        recipe=RECIPE,
        versions=Versions("a data version", "a code version", "a commit"),
        scores=scores([0.1, 0.4, 0.2]),
        error_parts=PARTS,
        **{**values, **given_values},
    )


def test_rmspe_by_origin_is_that_of_one_model_over_all_its_rows() -> None:
    made = scores([0.1, 0.4])
    assert rmspe_by_origin(made, "blend") == {"2015-01-04": 0.1, "2015-01-18": 0.4}
    assert rmspe_by_origin(made, "linear") == {"2015-01-04": 7.0}


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.lists(st.floats(0.05, 2.0), min_size=1, max_size=6))
def test_a_summary_has_median_mean_and_standard_deviation_over_origins(
    figures: list[float],
) -> None:
    made = rmspe_summary(scores(figures), "blend")
    assert made["rmspe_median"] == pytest.approx(statistics.median(figures), rel=1e-12)
    assert made["rmspe_mean"] == pytest.approx(statistics.fmean(figures), rel=1e-12)
    assert made["rmspe_spread"] == pytest.approx(statistics.pstdev(figures), rel=1e-9, abs=1e-12)


def test_a_report_is_read_as_the_model_was_entered(connection: duckdb.DuckDBPyConnection) -> None:
    enter(connection, "another", training_rows=9)
    enter(connection)
    found = stored_report(connection, bundle(), seconds=0.25)
    assert found == TrainingReport(
        model_version="blend-1",
        registry_version="3",
        mlflow_run_id="m",
        training_rows=1234,
        **rmspe_summary(scores([0.1, 0.4, 0.2]), "blend"),
        seconds=0.25,
        is_new=False,
        weights=WEIGHTS,
        importance=IMPORTANCE,
    )
    assert stored_report(connection, bundle(), seconds=0.25, is_new=True).is_new


def test_a_model_of_the_past_has_no_run_and_is_in_no_registry(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    record_model(
        connection,
        bundle(),
        recipe=RECIPE,
        versions=Versions("a data version", "a code version", "a commit"),
        scores=scores([0.1]),
        error_parts=PARTS,
        training_rows=1,
        seconds=1.0,
    )
    found = stored_report(connection, bundle(), seconds=1.0)
    assert (found.mlflow_run_id, found.registry_version) == ("", "")


def test_a_model_is_entered_with_its_recipe_and_what_it_was_made_from(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    started = utc_now()
    enter(connection)
    (row,) = connection.sql("SELECT * FROM forecasting.model_versions").pl().rows(named=True)
    created = row.pop("created_at")
    assert started <= created <= started + timedelta(minutes=5)
    assert json.loads(row.pop("blend_weights")) == WEIGHTS
    assert json.loads(row.pop("recipe")) == {
        "features_hash": RECIPE.features_hash,
        "members": {family: RECIPE.member_hash(family) for family in ("lightgbm", "xgboost")},
        "shrinkage": 0.2,
    }
    assert row == {
        "model_version": "blend-1", "family": "blend", "profile": "fast",
        "recipe_hash": RECIPE.hash, "trained_through": date(2015, 6, 19),
        "data_version": "a data version", "code_version": "a code version",
        "git_commit": "a commit", "mlflow_run_id": "m", "registry_version": "3",
        "training_rows": 1234, "rmspe_mean": pytest.approx(0.7 / 3), "rmspe_median": 0.2,
        "rmspe_spread": pytest.approx(statistics.pstdev([0.1, 0.4, 0.2])),
        "training_seconds": 5.5,
    }  # fmt: skip


def test_scores_and_importances_are_entered_under_the_models_name(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    enter(connection)
    made = scores([0.1, 0.4, 0.2])
    kept = connection.sql("SELECT * FROM forecasting.backtest_scores").pl()
    assert kept["model_version"].unique().to_list() == ["blend-1"]
    assert kept.select(made.columns).equals(made)
    assert kept["scored_at"].n_unique() == 1
    assert (
        kept["scored_at"][0]
        == connection.execute("SELECT created_at FROM forecasting.model_versions").fetchall()[0][0]
    )
    parts = connection.sql("SELECT * FROM forecasting.backtest_error_parts").pl()
    assert parts["model_version"].to_list() == ["blend-1"]
    assert parts.select(PARTS.columns).equals(PARTS)
    features = connection.sql("SELECT * FROM forecasting.feature_importance").pl()
    assert features.rows() == [
        ("blend-1", "is_promo", 3.0, 0.75, 7), ("blend-1", "month", 1.0, 0.25, 5),
    ]  # fmt: skip
