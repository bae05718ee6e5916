"""Accuracy and coverage: the rules against plain references, and exactly at their limits.

Definitions: docs/alerts.md, ``AccuracyRule`` and ``CoverageRule`` in alert_params.py, and the
comments of params.yaml (live MAPE over the median MAPE of the backtest's origins).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from datetime import date, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.monitoring_rows import alert_rules, insert, memory_warehouse, situation

from rossmann_ml.monitoring.alerts.rules import RULES

ACCURACY = "marts.forecast_accuracy"
SCORES = "forecasting.backtest_scores"
NEWEST = date(2015, 8, 7)
TABLES = memory_warehouse()


@pytest.fixture
def tables() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return empty tables with a champion."""
    TABLES.execute("BEGIN")
    insert(TABLES, "forecasting.promotions")
    yield TABLES
    TABLES.execute("ROLLBACK")


SEGMENTS = [("overall", "all"), ("store_type", "a"), ("state", "BY"), ("weekday", "1")]
LIVE = st.fixed_dictionaries(
    {
        "forecast_kind": st.sampled_from(["served", "served", "shadow"]),
        "forecast_origin": st.sampled_from([NEWEST - timedelta(days=n) for n in (43, 42, 41, 7)]),
        "at": st.sampled_from(SEGMENTS),
        "store_days": st.integers(1, 5),
        "days": st.sampled_from([1, 6, 7, 8]),
        "mape": st.integers(1, 40).map(lambda n: n / 64),
        "coverage_80": st.integers(32, 64).map(lambda n: n / 64),
        "coverage_95": st.integers(48, 64).map(lambda n: n / 64),
    }
)
SCORE = st.fixed_dictionaries(
    {
        "model_version": st.sampled_from(["champion", "champion", "other"]),
        "model": st.sampled_from(["blend", "blend", "lightgbm"]),
        "forecast_origin": st.sampled_from([date(2015, 6, 19), date(2015, 3, 27), None]),
        "at": st.sampled_from(SEGMENTS),
        "mape": st.integers(0, 8).map(lambda n: n / 64),
    }
)


def judged_together(live: list[dict], at: tuple[str, str]) -> list[dict]:
    """Return vintages of 42 days before the newest sales, once one has 7 days of actuals."""
    rows = [
        row
        for row in live
        if row["at"] == at
        and row["forecast_kind"] == "served"
        and (NEWEST - row["forecast_origin"]).days <= 42
    ]
    return rows if any(row["days"] >= 7 for row in rows) else []


def average(rows: list[dict], figure: str) -> float:
    """Return the mean of the vintages' values, weighted by store-days."""
    return sum(row[figure] * row["store_days"] for row in rows) / sum(
        row["store_days"] for row in rows
    )


def accuracy_reference(live: list[dict], scores: list[dict]):
    """Return, by segment, ratios of live MAPE to the backtest's median that are too large."""
    ratios = {}
    for at in SEGMENTS[:3]:  # only the chain, store types and states count
        rows = judged_together(live, at)
        promised = [
            row["mape"]
            for row in scores
            if row["at"] == at
            and (row["model_version"], row["model"]) == ("champion", "blend")
            and row["forecast_origin"] is not None
        ]
        if rows and promised and statistics.median(promised) > 0:
            ratios[at] = average(rows, "mape") / statistics.median(promised)
    if not ratios:
        return None
    found = []
    for name, subject, limit in (
        ("overall", "all stores", 1.75),
        ("state", "state BY", 3.5),
        ("store_type", "store type a", 3.5),
    ):
        found += [
            (subject, ratio, limit)
            for (kind, _), ratio in ratios.items()
            if kind == name and ratio > limit
        ]
    return found


def coverage_reference(live: list[dict]):
    """Return, by interval, shares of store-days inside that are too low or too high."""
    rows = judged_together(live, ("overall", "all"))
    if not rows:
        return None
    found = []
    for interval, figure, low, high in (
        ("80% interval", "coverage_80", 0.625, 0.9375),
        ("95% interval", "coverage_95", 0.8125, 0.984375),
    ):
        share = average(rows, figure)
        if share < low:
            found.append((interval, share, low))
        if share > high:
            found.append((interval, share, high))
    return found


def told(findings):
    return findings and [(each.subject, each.value, each.threshold) for each in findings]


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.lists(LIVE, max_size=8), st.lists(SCORE, max_size=8))
def test_accuracy_and_coverage_equal_the_plain_references(live, scores):
    TABLES.execute("BEGIN")
    try:
        insert(TABLES, "forecasting.promotions")
        # a segment that no rule reads has the newest sales
        insert(TABLES, ACCURACY, segment_kind="promo", segment="promo", last_target_date=NEWEST)
        for table, rows in ((ACCURACY, live), (SCORES, scores)):
            for row in rows:
                plain = {name: value for name, value in row.items() if name != "at"}
                kind, segment = row["at"]
                insert(TABLES, table, segment_kind=kind, segment=segment, **plain)
        at = situation(TABLES)
        # sums of 64ths are exact, and so equal in any order
        assert told(RULES["accuracy"](at)) == accuracy_reference(live, scores)
        assert told(RULES["coverage"](at)) == coverage_reference(live)
    finally:
        TABLES.execute("ROLLBACK")


@pytest.mark.parametrize(
    ("kind", "segment", "limit"), [("overall", "all", 1.75), ("state", "HE", 3.5)]
)
def test_a_mape_of_exactly_the_limit_passes_and_the_next_float_does_not(
    tables: duckdb.DuckDBPyConnection, kind: str, segment: str, limit: float
):
    insert(tables, SCORES, segment_kind=kind, segment=segment, mape=0.125)
    insert(tables, ACCURACY, segment_kind=kind, segment=segment, mape=0.125 * limit)
    assert RULES["accuracy"](situation(tables)) == []
    tables.execute(
        "UPDATE marts.forecast_accuracy SET mape = ?", [math.nextafter(0.125 * limit, 9)]
    )
    assert len(RULES["accuracy"](situation(tables))) == 1


def test_the_message_of_accuracy_has_live_and_backtest_figures(tables: duckdb.DuckDBPyConnection):
    insert(tables, SCORES, mape=0.125)
    insert(tables, ACCURACY, mape=0.25, rmspe=0.5, store_days=3000, days=7)
    insert(tables, ACCURACY, mape=0.5, rmspe=1.0, store_days=1000, days=3)
    (finding,) = RULES["accuracy"](situation(tables))
    # MAPE (3 x 0.25 + 0.5) / 4; RMSPE the root of (3 x 0.25 + 1) / 4
    assert finding.message == (
        "MAPE 31.2% over 4,000 store-days with actuals (RMSPE 66.1%): 2.50 times the "
        "backtest's 12.5%, expected at most 1.75 times"
    )
    assert (finding.rule, finding.severity) == ("accuracy", None)


@pytest.mark.parametrize(("days", "is_judged"), [(6, False), (7, True)])
def test_the_rule_applies_from_the_seventh_day_with_actuals(
    tables: duckdb.DuckDBPyConnection, days: int, is_judged: bool
):
    insert(tables, SCORES)
    insert(tables, ACCURACY, days=days)
    expected = [] if is_judged else None
    assert RULES["accuracy"](situation(tables)) == expected
    assert RULES["coverage"](situation(tables)) == expected


@pytest.mark.parametrize(("age", "is_judged"), [(42, True), (43, False)])
def test_the_oldest_vintage_that_counts_is_42_days_before_the_newest_sales(
    tables: duckdb.DuckDBPyConnection, age: int, is_judged: bool
):
    insert(tables, SCORES)
    insert(tables, ACCURACY, forecast_origin=NEWEST - timedelta(days=age))
    expected = [] if is_judged else None
    assert RULES["accuracy"](situation(tables)) == expected
    assert RULES["coverage"](situation(tables)) == expected


def test_without_a_champion_accuracy_has_no_limit(
    tables: duckdb.DuckDBPyConnection,
):
    insert(tables, SCORES)
    insert(tables, ACCURACY)
    tables.execute("UPDATE forecasting.promotions SET action = 'refused'")
    assert RULES["accuracy"](situation(tables)) is None
    assert RULES["coverage"](situation(tables)) == []


def test_after_a_rollback_the_backtest_of_that_champion_counts(tables: duckdb.DuckDBPyConnection):
    insert(tables, "forecasting.promotions", promotion_id=2, model_version="later")
    back = {"promotion_id": 3, "action": "rolled_back", "model_version": "champion"}
    insert(tables, "forecasting.promotions", **back)
    insert(tables, SCORES, mape=0.125)
    insert(tables, SCORES, model_version="later", mape=1.0)
    insert(tables, ACCURACY, mape=0.25)
    assert len(RULES["accuracy"](situation(tables))) == 1


COVERAGE_LIMITS = [
    ("coverage_80", 0.625, 0.0),
    ("coverage_80", 0.9375, 1.0),
    ("coverage_95", 0.8125, 0.0),
    ("coverage_95", 0.984375, 1.0),
]


@pytest.mark.parametrize(("figure", "limit", "beyond"), COVERAGE_LIMITS)
def test_a_coverage_of_exactly_either_limit_passes_and_the_next_float_does_not(
    tables: duckdb.DuckDBPyConnection, figure: str, limit: float, beyond: float
):
    insert(tables, ACCURACY, **{figure: limit})
    assert RULES["coverage"](situation(tables)) == []
    outside = math.nextafter(limit, beyond)
    tables.execute(f"UPDATE marts.forecast_accuracy SET {figure} = ?", [outside])
    (finding,) = RULES["coverage"](situation(tables))
    assert (finding.value, finding.threshold) == (outside, limit)
    assert finding.subject == ("80% interval" if figure == "coverage_80" else "95% interval")


def test_the_message_of_coverage_has_the_share_and_both_limits(tables: duckdb.DuckDBPyConnection):
    insert(tables, ACCURACY, coverage_80=0.5, store_days=1200)
    (finding,) = RULES["coverage"](situation(tables))
    assert finding.message == (
        "50.0% of 1,200 store-days were inside the 80% interval, expected 62.5% to 93.8%"
    )


def test_both_intervals_can_be_off_at_once(tables: duckdb.DuckDBPyConnection):
    insert(tables, ACCURACY, coverage_80=0.5, coverage_95=1.0)
    assert told(RULES["coverage"](situation(tables))) == [
        ("80% interval", 0.5, 0.625),
        ("95% interval", 1.0, 0.984375),
    ]


def test_windows_and_days_come_from_the_rules_own_parameters(tables: duckdb.DuckDBPyConnection):
    insert(tables, SCORES)
    insert(tables, ACCURACY, days=2, mape=0.5, forecast_origin=NEWEST - timedelta(days=3))
    short = {"window_days": 3, "min_days": 2}
    rules = alert_rules(accuracy=short)
    assert len(RULES["accuracy"](situation(tables, params=rules))) == 1
    assert RULES["coverage"](situation(tables, params=rules)) is None
    assert RULES["coverage"](situation(tables, params=alert_rules(coverage=short))) == []
