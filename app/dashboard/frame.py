"""What surrounds every page: its title, what to know before believing it, where it comes from.

A page gives a function that shows its middle; here it is given the generation, and here every
refusal becomes a sentence. Controls that several pages share are in ``choices``.
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
from rossmann_ml.base.errors import RossmannError
from rossmann_ml.base.settings import load_settings
from rossmann_ml.serving.status import Status, read_status


@st.cache_resource(show_spinner=False)
def reader_of(published_path: Path) -> PublishedReader:
    """One reader for all visitors of this process."""
    return PublishedReader(published_path)


def show_page(page: Page, show: Callable[[Answers], None]) -> None:
    """A whole page, or in plain words why there is none yet.

    Args:
        page: Its title and intro.
        show: Shows the page's middle.
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
        st.info(f"There is nothing to show yet: {error}", icon=":material/hourglass_empty:")


def chart(figure: go.Figure, alt: str) -> None:
    """A figure, and a sentence on it for those who do not see it."""
    st.plotly_chart(figure, config=theme.CHART_CONFIG, alt=alt)


def metric(label: str, value: str, note: str | None = None, **options: Any) -> None:
    """Show a figure in a box.

    Args:
        label: Name of the figure.
        value: The figure as text.
        note: Smaller text below the figure; without colour or arrow, because less is not worse.
        **options: Further options of ``st.metric``, such as ``help``.
    """
    look: dict[str, Any] = {"delta_color": "off", "delta_arrow": "off", **options}
    st.metric(label, value, note, border=True, height="stretch", **look)


def tabs(key: str, parts: Mapping[str, Callable[[], None]]) -> None:
    """Show parts of a page as tabs, and compute only the open one.

    Args:
        key: Query parameter that holds the open tab.
        parts: By the title of the tab, a function that shows its content.
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
    """Say that there is nothing to show, and why."""
    st.info(reason, icon=":material/info:")


def _show_cautions(ask: Answers, published_path: Path) -> None:
    if ask.info.is_synthetic:
        st.caption(
            ":orange-badge[made-up data] The chain is invented "
            f"(`{ask.info.data_set_name}`); no figure here is a retailer's."
        )
    status = read_status(published_path)
    _show_held(status)
    failed, held = status.last_failed_run, status.held_publish
    is_told = failed is not None and held is not None and failed.run_id == held.run_id
    if failed is not None and not failed.is_resolved and not is_told:
        st.warning(
            f"The last run ({failed.at:%d %b %Y %H:%M} UTC) stopped at *{failed.step}*, so these "
            f"are the forecasts from before it. Reason: {failed.reason}",
            icon=":material/warning:",
        )


def _show_held(status: Status) -> None:
    """Say on a page that newer forecasts are held back, and why; nothing when there are none."""
    held = status.held_publish
    if held is None:
        return
    st.error(
        f"Newer forecasts (origin {held.forecast_origin:%d %b %Y}) are **held back** since "
        f"{held.at:%d %b %Y %H:%M} UTC until a person has looked; these are the ones from before. "
        f"Reason: {words.plain(held.reason)}",
        icon=":material/pan_tool:",
    )


def _show_provenance(ask: Answers) -> None:
    info = ask.info
    champion = ask(queries.model, info.model_version)
    accuracy = (
        f", typical error in the backtest {words.percent(champion['rmspe_median'])}"
        if champion
        else ""
    )
    st.caption(
        f"Knows sales up to **{info.forecast_origin:%d %b %Y}** · model `{info.model_version}`"
        f"{accuracy} (RMSPE) · published {info.published_at:%d %b %Y %H:%M} UTC · "
        f"generation `{info.generation_id}` · data `{info.data_version}`"
    )
