"""Input and result types of alert rules, and formatting of their messages.

See :mod:`rossmann_ml.monitoring.alerts.rules` for the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from rossmann_ml.base.alert_params import AlertParams, Severity
from rossmann_ml.warehouse.tables import marts

# number of listed items in a message; the rest is counted
_NAMED = 5


@dataclass(frozen=True)
class AlertFinding:
    """Condition that needs a person.

    Attributes:
        rule: Name of the rule.
        subject: Object of the condition; rule and subject identify an alert.
        message: Value found and value expected, in words.
        value: Judged figure.
        threshold: Limit that the figure passed.
        severity: Severity; None for the severity of the rule.
    """

    rule: str
    subject: str
    message: str
    value: float | None = None
    threshold: float | None = None
    severity: Severity | None = None


@dataclass(frozen=True)
class Situation:
    """Input of the rules.

    Attributes:
        connection: Connection to the warehouse.
        params: Limits of the rules.
        today: Business date.
        run_id: Id of the run that evaluates the rules.
    """

    connection: duckdb.DuckDBPyConnection
    params: AlertParams
    today: date
    run_id: str

    def live_accuracy(
        self, window_days: int, min_days: int
    ) -> list[tuple[str, str, int, float, float, float, float]]:
        """Return the rows of ``marts.live_accuracy``, or no rows before dbt ran."""
        try:
            return marts.live_accuracy(self.connection, window_days=window_days, min_days=min_days)
        except duckdb.CatalogException:
            return []


Judgement = list[AlertFinding] | None
"""Findings of a rule; None when the data that it judges does not exist yet."""


def some(items: Sequence[str], separator: str = ", ") -> str:
    """Join the first items, and add the number of further ones."""
    more = len(items) - _NAMED
    return separator.join(items[:_NAMED]) + (f"{separator}and {more} more" if more > 0 else "")
