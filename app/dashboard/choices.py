"""Show controls that pages share: store, days ahead, filters, rows of buttons.

Each control keeps its value in the query parameter with the same name as its key, so that a link
opens the same view. A control with its default value adds nothing to the address. If the address
has a value that does not exist, a warning is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import queries
from app.dashboard import words
from app.dashboard.answers import Answers
from app.queries import Row


def one_store(ask: Answers, place: DeltaGenerator) -> Row | None:
    """Show the list of stores, and return the chosen one; None if the generation has no stores.

    Args:
        ask: Query runner of the page.
        place: Container in which the control is shown. A warning about an unknown store in the
            address is shown in the current container.
    """
    stores = {str(row["store_id"]): row for row in ask(queries.stores)}
    if not stores:
        return None
    warn_unknown("store", list(stores), f"Store {next(iter(stores))}, the first, is shown")
    chosen = place.selectbox(
        "Store",
        list(stores),
        key="store",
        bind="query-params",
        help="Type a store number to find it.",
        filter_mode="prefix",
    )
    return stores[chosen]


def days_ahead(place: DeltaGenerator) -> int:
    """Show a slider, and return the chosen number of days ahead, 7 to 42."""
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
        options: Labels of the buttons.
        key: Query parameter that holds the choice.
        default: The option chosen at first; the first one if None.
        place: Container in which the buttons are shown; None means the end of the page.
    """
    first = default or options[0]
    warn_unknown(key, options, f'"{first}" is shown')
    buttons = st.segmented_control if place is None else place.segmented_control
    chosen = buttons(label, options, default=first, required=True, key=key, bind="query-params")
    return chosen or first


@dataclass(frozen=True)
class StoreFilter:
    """Filter for stores by type, assortment and state; an empty attribute accepts all values.

    Attributes:
        types: Accepted store types.
        assortments: Accepted assortment codes: ``a`` basic, ``b`` extra, ``c`` extended.
        states: Accepted state codes, and ``unknown`` for stores without a known state.
    """

    types: Sequence[str]
    assortments: Sequence[str]
    states: Sequence[str]

    def keeps(self, row: Row) -> bool:
        """Return whether the filter accepts a store, given as a row of table ``stores``."""
        return (
            (not self.types or row["store_type"] in self.types)
            and (not self.assortments or row["assortment"] in self.assortments)
            and (not self.states or (row["state"] or "unknown") in self.states)
        )

    def text(self) -> str:
        """Describe the filter in words, for example ``type a; state HE``."""
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
    """Show controls for type, assortment and state of ``stores``, and return the chosen filter."""
    types = sorted({row["store_type"] for row in stores})
    assortments = sorted({row["assortment"] for row in stores})
    states = sorted({row["state"] or "unknown" for row in stores})
    for key, known in (("type", types), ("assortment", assortments), ("state", states)):
        warn_unknown(key, known, "It is ignored")
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


def warn_unknown(key: str, known: Sequence[str], instead: str) -> None:
    """Show a warning if a query parameter has a value that does not exist.

    Streamlit drops such a value without a message.

    Args:
        key: Name of the query parameter.
        known: Values that exist.
        instead: What the page does instead, as a sentence without a full stop.
    """
    unknown = [value for value in st.query_params.get_all(key) if value and value not in known]
    if unknown:
        st.warning(
            f"The address of this page has {key} {', '.join(unknown)}, which does not exist here. "
            f"{instead}.",
            icon=":material/warning:",
        )
