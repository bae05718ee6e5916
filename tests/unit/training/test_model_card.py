"""The model card follows the scores, and names all weaknesses in them."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.training.model_card import model_card
from rossmann_ml.warehouse.schema import create_tables


def enter_model(connection: duckdb.DuckDBPyConnection, version: str = "blend-1") -> None:
    """Record a model with RMSPE 0.10 in every segment and much worse references."""
    connection.execute(
        """
        INSERT INTO forecasting.model_versions BY NAME
        SELECT $version AS model_version, 'blend' AS family, 'full' AS profile,
            'a recipe' AS recipe_hash, '{}' AS recipe, DATE '2015-06-19' AS trained_through,
            'd1' AS data_version, 'c1' AS code_version, 'abc' AS git_commit, 'm1' AS mlflow_run_id,
            '1' AS registry_version, 12345 AS training_rows, 0.1 AS rmspe_median,
            0.1 AS rmspe_mean,
            0.01 AS rmspe_spread, 60 AS training_seconds, TIMESTAMP '2015-06-22' AS created_at,
            '{"lightgbm": 0.4, "xgboost": 0.6}' AS blend_weights
        """,
        {"version": version},
    )
    connection.execute(
        """
        INSERT INTO forecasting.backtest_scores BY NAME
        SELECT $version AS model_version, model, forecast_origin, segment_kind, segment,
            1000 AS store_days, rmspe, rmspe AS rmspe_median, 500.0 AS rmse, 400.0 AS mae,
            rmspe * 0.7 AS mape, rmspe * 0.6 AS wape, -0.01 AS bias,
            if(forecast_origin IS NULL, 2, 1) AS origins, 1 AS interval_origins,
            1 - rmspe / 0.3 AS skill,
            CASE WHEN model = 'blend' THEN 0.8 END AS coverage_80,
            CASE WHEN model = 'blend' THEN 0.95 END AS coverage_95,
            0.77 AS coverage_80_lower, 0.83 AS coverage_80_upper, 0.35 AS interval_score_80,
            TIMESTAMP '2015-06-22' AS scored_at
        FROM (VALUES ('blend', 0.1), ('lightgbm', 0.11), ('seasonal_naive', 0.3),
            ('store_weekday_promo_median', 0.2)) AS m(model, rmspe)
        CROSS JOIN unnest([DATE '2014-09-12', DATE '2015-05-08', NULL]) AS o(forecast_origin)
        CROSS JOIN (VALUES ('overall', 'all'), ('store_type', 'a'), ('store_type', 'b'),
            ('state', 'HE'), ('state', 'unknown'), ('promo', 'promo'), ('holiday', 'ordinary'),
            ('weekday', '1'), ('horizon_week', '1'), ('horizon_week', '6'),
            ('total_chain_week', 'all'), ('total_chain_week_sum', 'all')
            ) AS s(segment_kind, segment)
        WHERE model = 'blend' OR NOT starts_with(segment_kind, 'total')
        """,
        {"version": version},
    )
    connection.execute(
        """
        INSERT INTO forecasting.backtest_error_parts VALUES
        ($version, 'blend', NULL, 'ordinary', 'chain_day', 0.04, 2, 1000),
        ($version, 'blend', '2015-05-08', 'ordinary', 'chain_day', 0.9, 1, 500),
        ($version, 'linear', NULL, 'ordinary', 'chain_day', 0.02, 2, 1000)
        """,
        {"version": version},
    )
    connection.execute(
        """
        INSERT INTO forecasting.feature_importance VALUES
        ($version, 'is_promo', 1, 0.6, 10), ($version, 'day_of_week', 1, 0.3, 10),
        ($version, 'of_an_older_code', 1, 0.1, 10)
        """,
        {"version": version},
    )


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        create_tables(connection)
        enter_model(connection)
        yield connection


def card(connection: duckdb.DuckDBPyConnection, *changes: str) -> str:
    for change in changes:
        connection.execute(f"UPDATE forecasting.backtest_scores SET {change}")
    return model_card(connection)


def test_a_card_names_model_members_data_and_the_command_to_rebuild_it(warehouse):
    text = card(warehouse)
    assert text.startswith("# Model card: blend-1\n")
    for said in (
        "lightgbm 0.400, xgboost 0.600",
        "12,345 rows",
        "seasonal naive 0.3000",
        "| promo | 1 | 60.0% | `is_promo` |",
        "| no longer made | 1 | 10.0% | `of_an_older_code` |",
        "| 2015-05-08 | 0.1000 | 0.1100 | 0.2000 | 0.3000 |",
        "| chain, calendar week | 1 | 80.0% | 77.0% to 83.0% | 95.0% | - | 0.350 | - | -1.0% |",
        "RMSPE in the backtest**: 0.1000, the median over its 2 origins",
        "WAPE and bias in the backtest**: 6.0% and -1.0%",
        "| chain, by day | 0.040 | 0.020 | - | All stores together were off on single days",
        "rossmann model-card blend-1",
        "must not be used",
    ):
        assert said in text
    assert "_sum" not in text


def test_even_scores_give_no_weak_segment_and_no_unfair_group(warehouse):
    text = card(warehouse)
    assert "No segment's RMSPE is more than 10% above the whole's." in text
    assert text.count("No group is served clearly worse") == 2
    assert "uneven" not in text
    assert "No origin of the backtest looks ahead over Christmas" in text
    assert "interval holds clearly" not in text


def test_what_is_planted_into_the_scores_is_among_the_weaknesses(warehouse):
    text = card(
        warehouse,
        "rmspe_median = 0.15 WHERE model = 'blend' AND segment_kind = 'store_type' "
        "AND segment = 'b'",
        "bias = 0.04 WHERE model = 'blend' AND segment_kind = 'promo'",
        "coverage_80 = 0.7 WHERE model = 'blend' AND segment_kind = 'weekday'",
        "rmspe = 0.05 WHERE model = 'seasonal_naive' AND forecast_origin = '2015-05-08'",
        "rmspe = 0.12 WHERE model = 'blend' AND forecast_origin = '2014-09-12'",
    )
    for said in (
        "store type “b”: RMSPE 0.1500, 50% above the whole's 0.1000",
        "promotion “promo” +4.0%",
        "clearly fewer or more days than 80% in: weekday “1” 70.0%",
        "At 2015-05-08 the reference seasonal_naive was better: 0.0500 against 0.1000",
        "The worst of 2 origins was 2014-09-12 with RMSPE 0.1200",
        "That is uneven: plans made by these forecasts serve b worse",
    ):
        assert said in text


def test_christmas_is_judged_where_an_origin_looks_ahead_over_it(warehouse):
    text = card(warehouse, "forecast_origin = '2014-11-28' WHERE forecast_origin = '2014-09-12'")
    assert "Over Christmas RMSPE was 0.1000 from 2014-11-28" in text


def test_one_origin_and_one_group_are_called_too_few(warehouse):
    warehouse.execute(
        "DELETE FROM forecasting.backtest_scores WHERE forecast_origin = '2014-09-12' "
        "OR segment IN ('b', 'unknown')"
    )
    text = card(warehouse)
    assert "One past origin alone was judged" in text
    assert "There is no more than one state to compare." in text


def test_a_sample_is_called_synthetic(warehouse):
    warehouse.execute(
        "INSERT INTO raw.data_set VALUES ('sample-6-7', true, true, TIMESTAMP '2015-08-03 06:00')"
    )
    assert "synthetic data" in card(warehouse)


def test_the_newest_registered_model_is_meant_unless_one_is_named(warehouse):
    enter_model(warehouse, "blend-2")
    warehouse.execute(
        "UPDATE forecasting.model_versions SET created_at = created_at + INTERVAL 1 HOUR "
        "WHERE model_version = 'blend-2'"
    )
    assert model_card(warehouse).startswith("# Model card: blend-2\n")
    assert model_card(warehouse, "blend-1").startswith("# Model card: blend-1\n")


def test_a_model_that_is_not_there_is_refused(warehouse):
    with pytest.raises(NoDataError, match="no model nonesuch"):
        model_card(warehouse, "nonesuch")
    warehouse.execute("DELETE FROM forecasting.model_versions")
    with pytest.raises(NoDataError, match="no model has been trained yet"):
        model_card(warehouse)


def test_the_same_tables_give_the_same_card(warehouse):
    assert card(warehouse) == card(warehouse)
