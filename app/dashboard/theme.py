"""Define the colours and the style of all charts.

The colours were chosen by Okabe and Ito ("Color Universal Design", 2008) so that colour-blind
people can distinguish them. Lines use the four colours that have a contrast of at least 3:1 to both
a white and a dark page (WCAG 2.2, criterion 1.4.11). The fifth and later lines of a chart have the
same colours again, but another dash.
"""

from __future__ import annotations

from html import escape
from typing import Any

import plotly.graph_objects as go

BLUE = "#2583C6"
"""Blue, a little lighter than in the original palette, for contrast on a dark page."""
VERMILLION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
GREY = "#808080"
ORANGE = "#E69F00"
"""Orange, for areas only, because it is too light for a line on a white page."""

LINES = (BLUE, VERMILLION, GREEN, PURPLE)
DASHES = ("solid", "dash", "dot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross")

FORECAST = BLUE
PAST = GREY
SCENARIO = VERMILLION
PROMOTION = ORANGE
HOLIDAY = VERMILLION

SEQUENTIAL = ("#D6E6F2", "#B4D3E8", "#8FC3E6", "#1F71AF", "#0E5F98", "#003F66")
"""Colour scale from low (light blue) to high (dark blue). Because of the large step in the middle,
either white or dark grey text has enough contrast on each colour."""
EMPTY_TILE = "rgba(128, 128, 128, 0.15)"

CHART_CONFIG = {"displaylogo": False, "displayModeBar": False}


def faded(color: str, opacity: float) -> str:
    """Convert a colour ``#RRGGBB`` and an opacity from 0 to 1 to Plotly's text ``rgba(...)``."""
    red, green, blue = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity:g})"


def with_plain_names(figure: go.Figure) -> go.Figure:
    """Return the chart; its names and categories are shown as written.

    Plotly shows HTML, links included, in the names of traces and on axes, and such names can be
    values of a file, for example a store type.
    """
    for trace in figure.data:
        for part in ("name", "x", "y"):
            values = trace[part]
            if isinstance(values, str):
                trace[part] = escape(values, quote=False)
            elif isinstance(values, (list, tuple)):
                trace[part] = [
                    escape(value, quote=False) if isinstance(value, str) else value
                    for value in values
                ]
    return figure


def line_style(number: int) -> dict[str, Any]:
    """Return Plotly's options for colour and dash of the n-th line in a chart, counted from 0."""
    return {
        "color": LINES[number % len(LINES)],
        "dash": DASHES[number // len(LINES) % len(DASHES)],
    }


def symbol(number: int) -> str:
    """Return the marker symbol for the points of the n-th line in a chart, counted from 0."""
    return SYMBOLS[number % len(SYMBOLS)]


def days_figure(
    *, height: int, title: str = "EUR a day", tickformat: str = ",.0f", **layout: Any
) -> go.Figure:
    """Create an empty chart with days on the horizontal axis and amounts on the vertical axis.

    Args:
        height: Height in pixels.
        title: Title of the vertical axis.
        tickformat: Number format of the vertical axis, in Plotly's notation.
        **layout: Further parts of Plotly's layout.
    """
    return figure(
        height=height,
        yaxis={"title": {"text": title}, "rangemode": "tozero", "tickformat": tickformat},
        xaxis={"hoverformat": "%a %d %b %Y"},
        **layout,
    )


def figure(*, height: int = 320, **layout: Any) -> go.Figure:
    """Create an empty chart in the style of all charts.

    Args:
        height: Height in pixels; the width follows the page.
        **layout: Further parts of Plotly's layout.
    """
    common: dict[str, Any] = {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "legend": {"orientation": "h", "y": -0.16, "x": 0, "yanchor": "top", "title": None},
        "hovermode": "x unified",
        # dragging on a phone must scroll the page and not zoom the chart
        "dragmode": False,
    }
    return go.Figure(layout={**common, **layout})
