"""The colours and the look that all figures share. What a figure shows is not decided here.

The colours are those of Okabe and Ito ("Color Universal Design", 2008), which people who see few
colours tell apart. Lines use the four of them that stand out from a white and from a dark page
alike (a contrast of 3 or more, WCAG 2.2, criterion 1.4.11), and after four the dash changes too,
so that a figure reads without colour.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

BLUE = "#2583C6"
"""Their blue, a little lighter: it has to stand out from a dark page too."""
VERMILLION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
GREY = "#808080"
ORANGE = "#E69F00"
"""For areas and their marks only: as a line it is too light on white."""

LINES = (BLUE, VERMILLION, GREEN, PURPLE)
DASHES = ("solid", "dash", "dot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross")

FORECAST = BLUE
PAST = GREY
SCENARIO = VERMILLION
PROMOTION = ORANGE
HOLIDAY = VERMILLION

SEQUENTIAL = ("#D6E6F2", "#B4D3E8", "#8FC3E6", "#1F71AF", "#0E5F98", "#003F66")
"""From little to much, in one hue that darkens: readable without colours. The step in the middle
is large, so that white or dark grey text has enough contrast on each."""
EMPTY_TILE = "rgba(128, 128, 128, 0.15)"

CHART_CONFIG = {"displaylogo": False, "displayModeBar": False}


def faded(color: str, opacity: float) -> str:
    """The colour, seen through: for areas behind lines."""
    red, green, blue = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity:g})"


def line_style(number: int) -> dict[str, Any]:
    """The colour and dash of the n-th line of a figure, from 0."""
    return {
        "color": LINES[number % len(LINES)],
        "dash": DASHES[number // len(LINES) % len(DASHES)],
        "width": 2,
    }


def symbol(number: int) -> str:
    """The mark of the n-th line of a figure, from 0."""
    return SYMBOLS[number % len(SYMBOLS)]


def days_figure(
    *, height: int, title: str = "EUR a day", tickformat: str = ",.0f", **layout: Any
) -> go.Figure:
    """Return an empty figure of amounts by day.

    Args:
        height: Height in pixels.
        title: Title of the vertical axis.
        tickformat: Format of its numbers, in Plotly's notation.
        **layout: Further parts of Plotly's layout.
    """
    return figure(
        height=height,
        yaxis={"title": {"text": title}, "rangemode": "tozero", "tickformat": tickformat},
        xaxis={"hoverformat": "%a %d %b %Y"},
        **layout,
    )


def figure(*, height: int = 320, **layout: Any) -> go.Figure:
    """An empty figure in the common look.

    Args:
        height: In pixels; the width follows the page.
        **layout: What this figure has otherwise, as Plotly's layout names it.
    """
    common: dict[str, Any] = {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "legend": {"orientation": "h", "y": -0.16, "x": 0, "yanchor": "top", "title": None},
        "hovermode": "x unified",
        # dragging on a phone must scroll the page and not zoom the figure
        "dragmode": False,
    }
    return go.Figure(layout={**common, **layout})
