"""Show controls that pages share: store, days ahead, filters, rows of buttons.

Streamlit keeps the value of each control in the page's address, in the query parameter that has
the name of the control's key. A copied address therefore opens the same view. A control with its
default value adds nothing to the address. If the address has a value that does not exist, a warning
is shown.
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
from rossmann_ml.base.params import SHORTEST_HORIZON_DAYS


def one_store(ask: Answers, place: DeltaGenerator) -> Row | None:
    """Show a list of all stores, and return the chosen store's row of table ``stores``.

    The result is None, and no list is shown, if the generation has no stores.

    Args:
        ask: Query runner of the page.
        place: Container in which the control is shown. A warning about an unknown store in the
            address is shown in the enclosing ``with`` block instead.
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


def days_ahead(place: DeltaGenerator, horizon_days: int) -> int:
    """Show a slider for how many days after the forecast origin a page covers; return its value.

    Args:
        place: Container in which the slider is shown. A horizon of a week leaves no choice, so
            nothing is shown.
        horizon_days: Number of forecast days of the generation, which is the default.
    """
    if horizon_days <= SHORTEST_HORIZON_DAYS:
        return horizon_days
    return int(
        place.slider(
            "Days ahead", SHORTEST_HORIZON_DAYS, horizon_days, horizon_days, key="days",
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
        default: Option that is chosen before the visitor chooses one; None means the first option.
        place: Container in which the buttons are shown; None means the enclosing ``with`` block. A
            warning about an unknown option in the address is always shown in that block.
    """
    first = default or options[0]
    warn_unknown(key, options, f'"{first}" is shown')
    chosen = (place or st).segmented_control(
        label, options, default=first, required=True, key=key, bind="query-params"
    )
    return chosen or first


@dataclass(frozen=True)
class StoreFilter:
    """Filter of stores by type, assortment and state.

    Attributes:
        chosen: For each of the columns ``store_type``, ``assortment`` and ``state`` of table
            ``stores``, the values that pass. An empty list lets all values pass. Stores
            without a known state have the state ``unknown``.
    """

    chosen: dict[str, list[str]]

    def keeps(self, row: Row) -> bool:
        """Return whether a row of table ``stores`` passes the filter."""
        return all(
            not values or (row[column] or "unknown") in values
            for column, values in self.chosen.items()
        )

    def text(self) -> str:
        """Describe the filter in words: ``type a; state HE``, or ``all stores`` without values."""
        parts = [
            f"{column.removeprefix('store_')} {', '.join(values)}"
            for column, values in self.chosen.items()
            if values
        ]
        return "; ".join(parts) or "all stores"

    def segment(self) -> tuple[str, str] | None:
        """Return level and segment of the totals of exactly the stores that pass.

        An example is ``("state", "HE")``; without values it is ``("chain", "all")``. The result is
        None if several values are chosen, because no table has the total of such stores.
        """
        chosen = [(level, value) for level, values in self.chosen.items() for value in values]
        if not chosen:
            return "chain", "all"
        return chosen[0] if len(chosen) == 1 else None


def store_filter(stores: Sequence[Row]) -> StoreFilter:
    """Show controls for type, assortment and state of stores, and return the chosen filter.

    Args:
        stores: Rows of table ``stores``. The controls offer the values in these rows.
    """
    known = {
        column: sorted({row[column] or "unknown" for row in stores})
        for column in ("store_type", "assortment", "state")
    }
    for column, values in known.items():
        warn_unknown(column.removeprefix("store_"), values, "It is ignored")
    left, middle, right = st.columns([2, 2, 3])
    types = left.pills(
        "Type",
        known["store_type"],
        selection_mode="multi",
        key="type",
        bind="query-params",
        format_func=words.plain,
    )
    assortments = middle.pills(
        "Assortment",
        known["assortment"],
        selection_mode="multi",
        key="assortment",
        bind="query-params",
        format_func=words.plain,
        help="a basic, b extra, c extended",
    )
    states = right.multiselect(
        "State",
        known["state"],
        key="state",
        bind="query-params",
        placeholder="all states",
        help=words.plain(", ".join(f"{code} {words.state_name(code)}" for code in known["state"])),
    )
    return StoreFilter({"store_type": types, "assortment": assortments, "state": states})


def warn_unknown(key: str, known: Sequence[str], instead: str) -> None:
    """Show a warning if a query parameter has a value that does not exist.

    Streamlit drops such a value without a message.

    Args:
        key: Name of the query parameter.
        known: Values that exist.
        instead: End of the warning, without a full stop: what the page does now, for example
            ``Store 1, the first, is shown``.
    """
    unknown = [value for value in st.query_params.get_all(key) if value and value not in known]
    if unknown:
        st.warning(
            f"The address of this page has {key} {words.plain(', '.join(unknown))}, which does not "
            f"exist here. {instead}.",
            icon=":material/warning:",
        )
