"""Show one store's forecast day by day, with the level to order for a chosen risk."""

from __future__ import annotations

from collections.abc import Sequence

from app.dashboard import choices, words
from app.dashboard.answers import Answers
from app.dashboard.tables import show_table
from app.dashboard.views.forecast import queries
from app.queries import Row

# level of the quantile that sales exceed so often
ORDER_LEVELS = {"1 day in 10": 0.9, "1 day in 20": 0.95, "1 day in 5": 0.8, "1 day in 2": 0.5}


def show_days(ask: Answers, store_id: int, forecast: Sequence[Row]) -> None:
    """Show a table with the forecast, the order level, the intervals and the plan for each day.

    ``forecast`` are rows of ``app.queries.store_forecast``.
    """
    risk = choices.one_of("Run out on at most", list(ORDER_LEVELS), key="risk")
    order_levels = ask(queries.order_levels, store_id, ORDER_LEVELS[risk])
    show_table(
        [
            {
                "Day": words.long_day(row["target_date"]),
                "Sales": row["sales_forecast"],
                "Order for": order_levels.get(row["target_date"]),
                "80% from": row["lower_80"],
                "80% to": row["upper_80"],
                "95% from": row["lower_95"],
                "95% to": row["upper_95"],
                "Plan": words.plan(row),
            }
            for row in forecast
        ],
        euro=("Sales", "Order for", "80% from", "80% to", "95% from", "95% to"),
    )
