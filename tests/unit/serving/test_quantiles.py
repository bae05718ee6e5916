"""Quantiles of any level: SQL of a generation, frames and calibrations give the same numbers."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.rule_bundle import DAILY, TOTALS

from rossmann_ml.models.error_shapes import log_errors_by_shape
from rossmann_ml.models.quantile_levels import PUBLISHED_LEVELS, percentile_name
from rossmann_ml.serving.quantiles import (
    ERRORS_QUERY,
    SOURCES,
    add_quantiles,
    macros_sql,
    view_sql,
)

ORIGIN = date(2015, 6, 12)
LEVELS = st.lists(st.floats(0.01, 0.99), min_size=1, max_size=5, unique=True).map(sorted)


class Published(NamedTuple):
    """Published tables in memory, with the log quantiles that calibrations give their rows."""

    connection: duckdb.DuckDBPyConnection
    days: pl.DataFrame
    totals: pl.DataFrame


@pytest.fixture(scope="module")
def published() -> Published:
    rows = pl.DataFrame(
        {
            "store_id": [1, 1, 2, 3],
            "target_date": [date(2015, 6, day) for day in (15, 16, 17, 18)],
            "is_promo": [True, False, False, True],
            "spread": [0.1, 0.2, 0.3, 0.05],
            "log_forecast": [8.5, 8.7, 0.1, 11.0],
        }
    )
    totals = pl.DataFrame(
        {
            "level": ["store", "chain", "state", "store"],
            "store_concentration": [0.04, 0.0001, 0.001, 0.2],
            "week_concentration": [1.0, 0.3, 0.5, 1.0],
            "day_concentration": [0.2, 0.03, 0.1, 1.0],
            "forecast": [100.0, 1e6, 5e4, 30.0],
        }
    )
    origin = pl.lit(ORIGIN).alias("forecast_origin")
    unbiased = totals["forecast"] * np.exp(TOTALS.log_bias)
    place = pl.int_range(pl.len()).alias("place")
    forecasts = rows.hstack(DAILY.medians(rows)).with_columns(origin, place)
    of_totals = totals.hstack(TOTALS.error_scales(totals)).with_columns(
        origin, place, unbiased.alias("sales_unbiased")
    )
    closed = pl.DataFrame({"forecast_origin": [ORIGIN], "sales_median": 0.0, "error_scale": 0.0})
    older = pl.DataFrame({"forecast_origin": [date(2015, 6, 5)]})
    tables = {
        "forecasts": pl.concat([forecasts, closed, older], how="diagonal"),
        "forecast_totals": of_totals,
        "error_quantiles": pl.concat(
            [
                DAILY.error_quantiles(),
                log_errors_by_shape(of_totals["error_shape"], TOTALS.store_quantiles),
            ]
        ).with_columns(origin),
    }
    connection = duckdb.connect(config={"threads": 1})
    for name, frame in tables.items():
        connection.register("given", frame)
        connection.execute(f"CREATE TABLE {name} AS FROM given")
    for statement in macros_sql({"quantiles": "forecasts", "totals": "forecast_totals"}).values():
        connection.execute(statement)
    return Published(connection, rows, totals)


@given(levels=LEVELS)
@settings(max_examples=8, deadline=None, derandomize=True)
def test_sql_and_frames_give_the_quantiles_of_the_calibration(
    published: Published, levels: list[float]
) -> None:
    connection, days, totals = published
    expected_days = DAILY.quantiles_of(days, levels)
    expected_totals = totals["forecast"].to_numpy()[:, None] * np.exp(
        TOTALS.log_quantiles(totals, levels)
    )
    errors = connection.sql(ERRORS_QUERY, params=[[ORIGIN]]).pl()
    for macro, table, expected in (
        ("quantiles_at", "forecasts", expected_days),
        ("totals_at", "forecast_totals", expected_totals),
    ):
        found = connection.execute(
            f"SELECT list(quantile ORDER BY quantile_level) FROM {macro}($levels) "
            "WHERE place IS NOT NULL GROUP BY place ORDER BY place",
            {"levels": levels},
        ).fetchall()
        assert np.array([row[0] for row in found]) == pytest.approx(expected, rel=1e-9)
        frame = connection.sql(f"FROM {table} WHERE place IS NOT NULL").pl()
        added = add_quantiles(frame, errors, levels, SOURCES[table])
        names = [percentile_name(level) for level in levels]
        if len(set(names)) == len(names):
            assert added.select(names).to_numpy() == pytest.approx(expected, rel=1e-9)
        assert (np.diff(expected, axis=1) >= 0).all()


def test_the_view_has_the_deciles_closed_days_have_0_and_older_forecasts_have_none(
    published: Published,
) -> None:
    names = [percentile_name(level) for level in PUBLISHED_LEVELS]
    assert (names[0], names[1], names[5], names[-1]) == ("p2_5", "p10", "p50", "p97_5")
    query = f"SELECT {', '.join(names)} FROM ({view_sql('forecasts')}) ORDER BY place"
    *days, closed, older = published.connection.execute(query).fetchall()
    expected = DAILY.quantiles_of(published.days, PUBLISHED_LEVELS)
    assert np.array(days) == pytest.approx(expected, rel=1e-9)
    assert {closed, older} == {(0.0,) * 11, (None,) * 11}


def test_a_level_outside_the_limits_is_refused_by_sql_and_frames(published: Published) -> None:
    for level in (0.0099, 0.9901):
        message = f"the level {level} of a quantile is not between 0.01 and 0.99"
        with pytest.raises(duckdb.InvalidInputException, match=message):
            published.connection.execute("FROM quantiles_at([$1, 0.5])", [level]).fetchall()
        errors = published.connection.sql(ERRORS_QUERY, params=[[ORIGIN]]).pl()
        frame = published.connection.sql("FROM forecasts").pl()
        with pytest.raises(ValueError, match=message):
            add_quantiles(frame, errors, [level], SOURCES["forecasts"])
