"""The rules: what in the warehouse a person should look at now.

A rule reads and says what it found, with figures. What becomes of it (a row, a message to someone)
is :mod:`rossmann_ml.monitoring.alerts.watch`' matter.
"""

from __future__ import annotations

from collections.abc import Callable

from rossmann_ml.monitoring.alerts import data_rules as data_alert_rules
from rossmann_ml.monitoring.alerts import forecast_rules as forecast_alert_rules
from rossmann_ml.monitoring.alerts.findings import Judgement, Situation

RULES: dict[str, Callable[[Situation], Judgement]] = {
    "accuracy": forecast_alert_rules.judge_accuracy,
    "coverage": forecast_alert_rules.judge_coverage,
    "drift": forecast_alert_rules.judge_drift,
    "stale_data": data_alert_rules.judge_stale_data,
    "failed_checks": data_alert_rules.judge_failed_checks,
    "refresh_late": data_alert_rules.judge_refresh_late,
    "stores_not_forecast": forecast_alert_rules.judge_stores_not_forecast,
    "champion_old": forecast_alert_rules.judge_champion_old,
}
"""Every rule that looks at the warehouse; ``failed_run`` is told by the run that fails."""


def judge(situation: Situation) -> dict[str, Judgement]:
    """Ask every rule.

    Args:
        situation: What to look at.

    Returns:
        By rule: findings, an empty list where all is well, None where it could not be judged.
    """
    return {name: rule(situation) for name, rule in RULES.items()}
