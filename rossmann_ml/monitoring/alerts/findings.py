"""What an alert rule looks at, what it says, and how figures and lists stand in its messages.

The rules themselves are in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from rossmann_ml.base.alert_params import AlertParams, Severity
from rossmann_ml.warehouse.tables import marts

# items of a list in a message; the others are counted
_NAMED = 5


@dataclass(frozen=True)
class AlertFinding:
    """Something that a person should look at.

    Attributes:
        rule: The rule that found it.
        subject: What it is about; together with the rule it is one alert.
        message: In words, with what was found and what was expected.
        value: The figure that was judged.
        threshold: The limit that it passed.
        severity: Where it is not the rule's own.
    """

    rule: str
    subject: str
    message: str
    value: float | None = None
    threshold: float | None = None
    severity: Severity | None = None


@dataclass(frozen=True)
class Situation:
    """What the rules look at.

    Attributes:
        connection: The pipeline's database.
        params: The limits.
        today: The product's today.
        run_id: The run that asks.
    """

    connection: duckdb.DuckDBPyConnection
    params: AlertParams
    today: date
    run_id: str

    def rows(self, query: str, names: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """The rows of a query; none where a table is not built yet."""
        try:
            found: list[tuple[Any, ...]] = self.connection.execute(query, names).fetchall()
        except duckdb.CatalogException:
            return []
        return found

    def live_accuracy(
        self, window_days: int, min_days: int
    ) -> list[tuple[str, str, int, float, float, float, float]]:
        """See :func:`rossmann_ml.warehouse.tables.marts.live_accuracy`; none before dbt ran."""
        try:
            return marts.live_accuracy(self.connection, window_days=window_days, min_days=min_days)
        except duckdb.CatalogException:
            return []


Judgement = list[AlertFinding] | None
"""What a rule found; None where there is nothing yet that it could judge."""


def figure(value: float | None) -> str:
    """A figure with three digits; ``none`` where there is none."""
    return "none" if value is None else f"{value:.3g}"


def some(items: Sequence[str], separator: str = ", ") -> str:
    """The first few, and how many more there are."""
    more = len(items) - _NAMED
    return separator.join(items[:_NAMED]) + (f"{separator}and {more} more" if more > 0 else "")
