"""The drift rule against a plain reference, and the parameters of all rules.

Definition: docs/alerts.md (``monitoring.drift_metrics`` has drifted measures at the newest origin):
one finding per kind, which names the measure farthest above its threshold first.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from support.monitoring_rows import ORIGIN, alert_rules, insert, memory_warehouse, situation

from rossmann_ml.base.params.alerts import RetrainingParams
from rossmann_ml.monitoring.alerts.rules import RULES

TABLES = memory_warehouse()
ROW = st.fixed_dictionaries(
    {
        "forecast_origin": st.sampled_from([ORIGIN, ORIGIN - timedelta(days=7)]),
        "kind": st.sampled_from(["plan", "sales", "features"]),
        "feature": st.sampled_from(["a", "b", "c"]),
        "run_id": st.sampled_from(["run", "earlier"]),
        "value": st.integers(-8, 32).map(lambda n: n / 16),
        "threshold": st.sampled_from([0.5, 1.0, 2.0]),
        "is_drifted": st.booleans(),
        "detail": st.sampled_from([None, "moved"]),
    }
)


def reference(rows: list[dict]):
    """Return, by kind, the newest origin's rows of this run; without any, those of any run."""
    if not rows:
        return None
    newest = max(row["forecast_origin"] for row in rows)
    rows = [row for row in rows if row["forecast_origin"] == newest]
    rows = [row for row in rows if row["run_id"] == "run"] or rows
    found = []
    for kind in sorted({row["kind"] for row in rows}):
        measured = [row for row in rows if row["kind"] == kind]
        drifted = sorted(
            (row for row in measured if row["is_drifted"]),
            key=lambda row: (-abs(row["value"]) / row["threshold"], row["feature"]),
        )
        if drifted:
            named = ", ".join(
                f"{row['feature']} (jensenshannon {row['value']:.3g}, limit {row['threshold']:.3g}"
                + (": moved)" if row["detail"] else ")")
                for row in drifted
            )
            message = f"{len(drifted)} of {len(measured)} measures of {kind} have drifted: {named}"
            found.append((kind, message, drifted[0]["value"], drifted[0]["threshold"]))
    return found


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    st.lists(
        ROW, max_size=9, unique_by=lambda row: (row["forecast_origin"], row["kind"], row["feature"])
    )
)
def test_drift_is_reported_by_kind_with_the_farthest_above_its_threshold_first(rows: list[dict]):
    TABLES.execute("BEGIN")
    try:
        for row in rows:
            insert(TABLES, "monitoring.drift_metrics", **row)
        findings = RULES["drift"](situation(TABLES))
    finally:
        TABLES.execute("ROLLBACK")
    told = findings and [
        (each.subject, each.message, each.value, each.threshold) for each in findings
    ]
    assert told == reference(rows)
    assert all((each.rule, each.severity) == ("drift", None) for each in findings or [])


@pytest.mark.parametrize("interval", ["coverage_80", "coverage_95"])
@pytest.mark.parametrize("ends", [(0.5, 0.5), (0.75, 0.5)])
def test_limits_of_coverage_that_are_not_in_order_are_refused(
    interval: str, ends: tuple[float, float]
):
    with pytest.raises(ValidationError, match=rf"{interval} \[.*expected the smaller value first"):
        alert_rules(coverage={interval: ends})


@pytest.mark.parametrize(
    ("rule", "limits"),
    [
        ("accuracy", {"max_mape_ratio": 1.0}),
        ("accuracy", {"max_segment_mape_ratio": 1.0}),
        ("accuracy", {"window_days": 0}),
        ("coverage", {"coverage_80": (-0.01, 0.9)}),
        ("coverage", {"coverage_80": (0.1, 1.01)}),
        ("stale_data", {"max_assumed_share": 1.01}),
        ("drift", {"cooldown_days": 0}),
        ("drift", {"owner": ""}),
        ("drift", {"look_at": "Monitoring!"}),
        ("drift", {"severity": "mild"}),
    ],
)
def test_an_impossible_limit_is_refused(rule: str, limits: dict[str, object]):
    with pytest.raises(ValidationError, match=rule):
        alert_rules(**{rule: limits})


def test_the_smallest_possible_limits_are_accepted():
    rules = alert_rules(
        accuracy={"max_mape_ratio": 1.01, "max_segment_mape_ratio": 1.01, "window_days": 1},
        coverage={"coverage_80": (0.0, 1.0), "min_days": 1},
        drift={"cooldown_days": 1, "owner": "x", "look_at": "a_b"},
        stale_data={"max_assumed_share": 0.0},
    )
    assert rules.of("drift").owner == "x"
    assert rules.of("coverage").coverage_80 == (0.0, 1.0)


def test_retraining_needs_existing_rules_and_at_least_one_week():
    every = [
        *(
            "accuracy",
            "coverage",
            "drift",
            "input_data",
            "stale_data",
            "failed_checks",
            "refresh_late",
        ),
        *("stores_not_forecast", "champion_old", "failed_run"),
    ]
    assert RetrainingParams(rules=every, min_weeks=1).rules == every
    assert RetrainingParams(rules=["drift"], min_weeks=1).rules == ["drift"]
    # names before and after all rules in the alphabet, and the one field that is no rule
    for unknown in ("a", "zz", "send_from"):
        with pytest.raises(ValidationError, match=f"rules {unknown}: expected some of accuracy, "):
            RetrainingParams(rules=["drift", unknown], min_weeks=1)
    with pytest.raises(ValidationError, match="min_weeks"):
        RetrainingParams(rules=["drift"], min_weeks=0)
    with pytest.raises(ValidationError, match="rules"):
        RetrainingParams(rules=[], min_weeks=1)
