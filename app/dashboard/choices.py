"""Controls that pages share. What is chosen stands in the address, so that a view can be shared.

Every control is bound to a query parameter of its key's name; a default leaves no trace there.
What an address asks for and cannot be had is said before Streamlit drops it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import queries
from app.dashboard import words
from app.dashboard.answers import Answers

Row = dict[str, Any]


def one_store(ask: Answers, place: DeltaGenerator) -> Row | None:
    """The visitor's store; None when the generation has no store at all.

    Args:
        ask: The generation.
        place: Where the control is put; what must be said about the address stands above.
    """
    stores = {str(row["store_id"]): row for row in ask(queries.stores)}
    if not stores:
        return None
    say_unknown("store", list(stores), f"the first, store {next(iter(stores))}, is shown")
    chosen = place.selectbox(
        "Store",
        list(stores),
        key="store",
        bind="query-params",
        help="Type a number to find a store.",
        filter_mode="prefix",
    )
    return stores[chosen]


def days_ahead(place: DeltaGenerator) -> int:
    """How many days ahead, 7 to 42."""
    return int(
        place.slider(
            "Days ahead", 7, queries.HORIZON_DAYS, queries.HORIZON_DAYS, key="days",
            bind="query-params",
        )
    )  # fmt: skip


def one_of(
    label: str,
    options: Sequence[str],
    *,
    key: str,
    default: str | None = None,
    place: DeltaGenerator | None = None,
) -> str:
    """Show options as a row of buttons, and return the chosen one.

    Args:
        label: Title of the control.
        options: Texts of the buttons.
        key: Query parameter that holds the choice.
        default: The option chosen at first; the first one if None.
        place: Where the buttons go; at the end of the page if None.
    """
    first = default or options[0]
    say_unknown(key, options, f"{first} is shown")
    buttons = st.segmented_control if place is None else place.segmented_control
    chosen = buttons(label, options, default=first, required=True, key=key, bind="query-params")
    return chosen or first


@dataclass(frozen=True)
class StoreFilter:
    """Which stores are wanted; nothing chosen of a kind means all of it."""

    types: Sequence[str]
    assortments: Sequence[str]
    states: Sequence[str]

    def keeps(self, row: Row) -> bool:
        """Whether a row of ``stores`` is among them."""
        return (
            (not self.types or row["store_type"] in self.types)
            and (not self.assortments or row["assortment"] in self.assortments)
            and (not self.states or (row["state"] or "unknown") in self.states)
        )

    def said(self) -> str:
        """The filter in words."""
        parts = [
            f"{name} {', '.join(values)}"
            for name, values in (
                ("type", self.types),
                ("assortment", self.assortments),
                ("state", self.states),
            )
            if values
        ]
        return "; ".join(parts) if parts else "all stores"


def store_filter(stores: Sequence[Row]) -> StoreFilter:
    """Controls for type, assortment and state."""
    types = sorted({row["store_type"] for row in stores})
    assortments = sorted({row["assortment"] for row in stores})
    states = sorted({row["state"] or "unknown" for row in stores})
    for key, known in (("type", types), ("assortment", assortments), ("state", states)):
        say_unknown(key, known, "it is left out")
    left, middle, right = st.columns([2, 2, 3])
    return StoreFilter(
        types=left.pills("Type", types, selection_mode="multi", key="type", bind="query-params"),
        assortments=middle.pills(
            "Assortment",
            assortments,
            selection_mode="multi",
            key="assortment",
            bind="query-params",
            help="a basic, b extra, c extended",
        ),
        states=right.multiselect(
            "State",
            states,
            key="state",
            bind="query-params",
            placeholder="all states",
            help=", ".join(f"{code} {words.state_name(code)}" for code in states),
        ),
    )


def say_unknown(key: str, known: Sequence[str], instead: str) -> None:
    """Tell a visitor whose address asks for something that is not there."""
    unknown = [value for value in st.query_params.get_all(key) if value and value not in known]
    if unknown:
        st.warning(
            f"The address asks for {key} {', '.join(unknown)}, which is not among these; "
            f"{instead}.",
            icon=":material/warning:",
        )
