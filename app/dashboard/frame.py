"""Show a page (title, warnings, content, source of the data), and elements that pages share.

``show_page`` opens the generation and calls the page's function for the content. If ``rossmann_ml``
raises an error, ``show_page`` shows it as a message. Shared controls are in ``choices``, tables in
``tables``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from app import queries
from app.dashboard import theme, words
from app.dashboard.answers import Answers
from app.dashboard.page import Page
from app.published import PublishedReader
from rossmann_ml.base.errors import BusyError, RossmannError
from rossmann_ml.base.settings import load_settings
from rossmann_ml.serving.status import read_status


@st.cache_resource(show_spinner=False)
def reader_of(published_path: Path) -> PublishedReader:
    """Return the reader that opens the current generation for pages.

    Streamlit caches the reader, so that all visitors share one open file.

    Args:
        published_path: Folder with the generations and the pointer ``CURRENT``.
    """
    return PublishedReader(published_path)


def show_page(page: Page, show: Callable[[Answers], None]) -> None:
    """Show a whole page, or a message if no generation can be read.

    Args:
        page: Title and intro of the page.
        show: Function that shows the content of the page; its argument runs queries on the
            generation.
    """
    st.html("<style>.stMainBlockContainer {padding-top: 4.5rem}</style>")
    st.title(page.title, anchor=False)
    st.caption(page.intro)
    try:
        published_path = load_settings().published_path
        with reader_of(published_path).reading() as reading:
            ask = Answers(reading)
            _show_cautions(ask, published_path)
            show(ask)
            _show_provenance(ask)
    except RossmannError as error:
        words_before = "Not now" if isinstance(error, BusyError) else "There is nothing to show yet"
        st.info(f"{words_before}: {words.plain(str(error))}", icon=":material/hourglass_empty:")


def chart(figure: go.Figure, alt: str) -> None:
    """Show a chart; ``alt`` describes it for screen readers."""
    st.plotly_chart(theme.with_plain_names(figure), config=theme.CHART_CONFIG, alt=alt)


def metric(label: str, value: str, note: str | None = None, **options: Any) -> None:
    """Show a number in a box.

    Args:
        label: Name of the number.
        value: The number, formatted as text.
        note: Small text below the number; None means no text. The text is grey and without an
            arrow, because Streamlit would show a decrease in red, and not every decrease is bad.
        **options: Further options of ``st.metric``, such as ``help``. With ``delta_color`` and
            ``delta_arrow``, the note has a colour and an arrow.
    """
    look: dict[str, Any] = {"delta_color": "off", "delta_arrow": "off", **options}
    st.metric(label, value, note, border=True, height="stretch", **look)


def tabs(key: str, parts: Mapping[str, Callable[[], None]]) -> None:
    """Show parts of a page as tabs, and compute only the open tab.

    Args:
        key: Query parameter that holds the title of the open tab.
        parts: Title of each tab, and the function that shows its content, in the order of tabs.
    """
    for tab, show in zip(
        st.tabs(list(parts), key=key, on_change="rerun", bind="query-params"),
        parts.values(),
        strict=True,
    ):
        if tab.open:
            with tab:
                show()


def nothing(reason: str) -> None:
    """Show the reason why a part of the page has no content."""
    st.info(reason, icon=":material/info:")


def _show_cautions(ask: Answers, published_path: Path) -> None:
    if ask.info.is_synthetic:
        st.caption(
            ":orange-badge[synthetic data] The chain is invented "
            f"({words.code(ask.info.data_set_name)}). No number here describes a real retailer."
        )
    status = read_status(published_path)
    failed, held = status.last_failed_run, status.held_publish
    if held is not None:
        st.error(
            f"Newer forecasts (origin {held.forecast_origin:%d %b %Y}) are **held back** since "
            f"{held.at:%d %b %Y %H:%M} UTC until a person has checked them. This page shows the "
            f"forecasts published before. Reason: {words.plain(held.reason)}",
            icon=":material/pan_tool:",
        )
    is_shown = failed is not None and held is not None and failed.run_id == held.run_id
    if failed is not None and not failed.is_resolved and not is_shown:
        st.warning(
            f"The last run ({failed.at:%d %b %Y %H:%M} UTC) stopped at "
            f"*{words.plain(failed.step)}*. This page shows the forecasts published before it. "
            f"Reason: {words.plain(failed.reason)}",
            icon=":material/warning:",
        )


def _show_provenance(ask: Answers) -> None:
    info = ask.info
    champion = ask(queries.model, info.model_version)
    accuracy = (
        f", RMSPE in the backtest {words.percent(champion['rmspe_median'])}" if champion else ""
    )
    st.caption(
        f"Based on sales up to **{info.forecast_origin:%d %b %Y}** (the forecast origin) · "
        f"model {words.code(info.model_version)}"
        f"{accuracy} · published {info.published_at:%d %b %Y %H:%M} UTC · "
        f"generation {words.code(info.generation_id)} · data {words.code(info.data_version)}"
    )
