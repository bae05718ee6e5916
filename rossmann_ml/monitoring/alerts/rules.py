"""List the alert rules and evaluate them.

The rules only read the warehouse. :mod:`rossmann_ml.monitoring.alerts.watch` stores and sends what
they find.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rossmann_ml.monitoring.alerts import data_rules as data_alert_rules
from rossmann_ml.monitoring.alerts import forecast_rules as forecast_alert_rules
from rossmann_ml.monitoring.alerts.findings import AlertFinding, Judgement, Situation

RULES: dict[str, Callable[[Situation], Judgement]] = {
    "input_data": data_alert_rules.judge_input_data,
    "accuracy": forecast_alert_rules.judge_accuracy,
    "coverage": forecast_alert_rules.judge_coverage,
    "drift": forecast_alert_rules.judge_drift,
    "stale_data": data_alert_rules.judge_stale_data,
    "failed_checks": data_alert_rules.judge_failed_checks,
    "refresh_late": data_alert_rules.judge_refresh_late,
    "stores_not_forecast": forecast_alert_rules.judge_stores_not_forecast,
    "champion_old": forecast_alert_rules.judge_champion_old,
}
"""Rules that read the warehouse, by name; ``failed_run`` comes from the failing run instead."""

_CONSEQUENCES = ("accuracy", "coverage", "drift")
"""Rules that also find a wrong input, and then accuse the model of it."""


def judge(situation: Situation) -> dict[str, Judgement]:
    """Evaluate every rule in :data:`RULES`.

    Args:
        situation: Input of the rules.

    Returns:
        Findings by name of the rule: an empty list if the rule found no problem, None if the data
        that it needs does not exist yet.
    """
    judged = {name: rule(situation) for name, rule in RULES.items()}
    causes = judged["input_data"]
    if causes:
        for name in _CONSEQUENCES:
            judged[name] = _ranked_below(causes, judged[name])
    return judged


def _ranked_below(causes: Sequence[AlertFinding], judgement: Judgement) -> Judgement:
    """Return findings with severity info and their cause, because the input explains them."""
    if judgement is None:
        return None
    named = ", ".join(cause.subject for cause in causes)
    return [
        replace(
            finding,
            severity="info",
            message=f"judge this after the input is repaired (alert input_data: {named}): "
            f"{finding.message}",
        )
        for finding in judgement
    ]
