"""Name the parts of the error of past forecasts, for the model card and the dashboard.

See :mod:`rossmann_ml.evaluation.error_parts` for their definitions.
"""

from __future__ import annotations

PARTS = {
    "chain_horizon": (
        "chain, whole horizon",
        "All stores together were too high or too low over the whole horizon.",
    ),
    "chain_day": (
        "chain, by day",
        "All stores together were off on single days, for example in a heat wave.",
    ),
    "store_horizon": (
        "store, whole horizon",
        "A store was off, compared with the chain, over the whole horizon.",
    ),
    "store_week": (
        "store, by week",
        "A store was off, compared with the chain, for a week.",
    ),
    "store_weekday": (
        "store, by weekday",
        "A store was off, compared with the chain, on one weekday in all weeks.",
    ),
    "store_day": (
        "store, by day",
        "The rest: single days of a store, whose error no other day or store shares.",
    ),
}
"""Title and sentence of each part."""
