"""Define the input (:class:`Situation`) and the result (:data:`Judgement`) of alert rules.

See :mod:`rossmann_ml.monitoring.alerts.rules` for the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from rossmann_ml.base.params.alerts import AlertParams, Severity
from rossmann_ml.warehouse.tables import marts

# number of listed items in a message; the rest is counted
_NAMED = 5


@dataclass(frozen=True)
class AlertFinding:
    """Condition that an alert rule found and that needs a person's attention.

    Attributes:
        rule: Name of the rule.
        subject: What the condition is about, such as a store type. Rule and subject together
            identify an alert.
        message: Value found and value expected, in words.
        value: Value that the rule compared with ``threshold``; None if it compared no number.
        threshold: Limit that the value violated, a maximum or a minimum; None without a value.
        severity: Severity of the alert; None for the severity that ``params.yaml`` sets for the
            rule.
    """

    rule: str
    subject: str
    message: str
    value: float | None = None
    threshold: float | None = None
    severity: Severity | None = None


@dataclass(frozen=True)
class Situation:
    """Input of the alert rules: warehouse, limits, business date.

    Attributes:
        connection: Connection to the warehouse.
        params: Limits of the rules.
        today: Business date.
        run_id: Id of the run that evaluates the rules.
        left_alone: What is in the incoming folder and is not landed, each with the reason.
    """

    connection: duckdb.DuckDBPyConnection
    params: AlertParams
    today: date
    run_id: str
    left_alone: tuple[str, ...] = ()

    def live_accuracy(
        self, window_days: int, min_days: int
    ) -> list[tuple[str, str, int, float, float, float, float]]:
        """Return the accuracy of the served vintages in a window, by segment.

        Args:
            window_days: Largest number of days from a vintage's forecast origin to the newest day
                with actuals; older vintages are ignored.
            min_days: Number of days with actuals that at least one of the vintages must have in a
                segment; otherwise the segment is left out.

        Returns:
            Tuples of segment kind (``overall``, ``store_type``, ``state``), segment, number of
            store-days, MAPE, RMSPE, coverage of the 80% and of the 95% interval. The list is empty
            if dbt has not built ``marts.forecast_accuracy`` yet.
        """
        try:
            return marts.live_accuracy(self.connection, window_days=window_days, min_days=min_days)
        except duckdb.CatalogException:
            return []


Judgement = list[AlertFinding] | None
"""Findings of a rule; None when the data that it judges does not exist yet."""


def some(items: Sequence[str], separator: str = ", ") -> str:
    """Join up to five items for a message, and add the number of further items."""
    more = len(items) - _NAMED
    return separator.join(items[:_NAMED]) + (f"{separator}and {more} more" if more > 0 else "")
