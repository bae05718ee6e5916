"""Findings on stores that sell, and that the plan of the other stores closes or leaves out.

They belong to the rule `stale_data`; see :mod:`rossmann_ml.monitoring.alerts.data_rules`. The dbt
model ``core.selling_days`` decides which stores these are.
"""

from __future__ import annotations

from rossmann_ml.monitoring.alerts.findings import AlertFinding, Situation, some
from rossmann_ml.warehouse.tables import core


def stores_outside_the_plan(situation: Situation) -> list[AlertFinding]:
    """Find selling stores that no plan contains, and those that close because their plan ends.

    A store that no plan contains is still forecast by rule, because its plan may be late. A store
    closes if its own plan leaves it out while the others are planned.

    Returns:
        At most one finding of each kind, of severity info for closings; no findings before dbt
        built the plan.
    """
    stores = core.selling_stores_outside_the_plan(situation.connection)
    left_out = [str(store) for store, closes_on, _ in stores if closes_on is None]
    closing = [f"{store} (from {day})" for store, day, _ in stores if day is not None]
    found = []
    if left_out:
        message = (
            f"{len(left_out)} selling stores are in no plan of the forecast days, although the "
            f"others are, and are forecast by rule: {some(left_out)}. Send their plan; if they "
            "close, send planned days with Open 0"
        )
        found.append(AlertFinding("stale_data", "stores without a plan", message, len(left_out), 0))
    if closing:
        message = (
            f"{len(closing)} selling stores are forecast closed, because their own plan ends in "
            f"a closure or leaves them out while the others are planned: {some(closing)}. If they "
            "stay open, send their plan"
        )
        found.append(AlertFinding("stale_data", "closing stores", message, len(closing), 0, "info"))
    return found
