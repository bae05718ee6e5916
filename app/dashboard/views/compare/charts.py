"""Stores and segments beside each other: lines, weeks with their ranges, and a map of tiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import plotly.graph_objects as go

from app.dashboard import theme, words
from app.dashboard.shared_charts import add_band, add_line

Row = dict[str, Any]

# Column and row of each state in a grid that keeps who is north, south and beside whom. Every
# state has one tile, so that a small one is seen as well as a large one.
TILES = {
    "SH": (1, 0), "MV": (2, 0),
    "HB": (0, 1), "HH": (1, 1), "BB": (3, 1), "BE": (2, 1),
    "NW": (0, 2), "NI": (1, 2), "ST": (2, 2), "SN": (3, 2),
    "RP": (0, 3), "HE": (1, 3), "TH": (2, 3),
    "SL": (0, 4), "BW": (1, 4), "BY": (2, 4),
}  # fmt: skip
_HALF = 0.47


def tile_map(values: Mapping[str, float], text: Callable[[float], str]) -> go.Figure:
    """A tile for each of the 16 states, darker where the value is greater.

    Args:
        values: By state code; a code of two states (``HB,NI``) fills both tiles. States that are
            not there get an empty tile.
        text: How a value is written on its tile.
    """
    figure = theme.figure(
        height=380,
        hovermode="closest",
        showlegend=False,
        xaxis={"visible": False, "range": [-0.55, 3.55], "fixedrange": True},
        yaxis={
            "visible": False, "range": [4.55, -0.55], "fixedrange": True,
            "scaleanchor": "x", "scaleratio": 0.8,
        },
    )  # fmt: skip
    by_tile = {part: (code, value) for code, value in values.items() for part in code.split(",")}
    # a state of its own is more exact than one that stores share with another
    by_tile |= {code: (code, value) for code, value in values.items() if code in TILES}
    least, most = min(values.values(), default=0.0), max(values.values(), default=0.0)
    for tile, (column, row) in TILES.items():
        code, value = by_tile.get(tile, (tile, None))
        color, ink, shown = theme.EMPTY_TILE, theme.GREY, words.NONE
        hover = f"{words.state_name(tile)}: no stores"
        if value is not None:
            color = theme.sequential((value - least) / (most - least) if most > least else 0.5)
            ink, shown = theme.text_on(color), text(value)
            hover = f"{words.state_name(code)}: {shown}"
        figure.add_shape(
            type="rect",
            x0=column - _HALF,
            x1=column + _HALF,
            y0=row - _HALF,
            y1=row + _HALF,
            fillcolor=color,
            line={"width": 0},
        )
        shared = "*" if "," in code else ""
        figure.add_annotation(
            x=column,
            y=row,
            text=f"<b>{tile}{shared}</b><br>{shown}",
            showarrow=False,
            font={"color": ink, "size": 13},
        )
        figure.add_scatter(
            x=[column],
            y=[row],
            mode="markers",
            marker={"size": 60, "opacity": 0},
            hovertemplate=f"{hover}<extra></extra>",
        )
    return figure


def store_lines(rows: Sequence[Row]) -> go.Figure:
    """Forecast days of a few stores, one line each; closed days are left out.

    Args:
        rows: ``store_id, target_date, is_open, sales_forecast`` by store and day.
    """
    figure = theme.days_figure(height=360)
    for number, (store, group) in enumerate(groupby(rows, key=itemgetter("store_id"))):
        days = [row for row in group if row["is_open"]]
        add_line(
            figure,
            number,
            [row["target_date"] for row in days],
            [row["sales_forecast"] for row in days],
            name=f"store {store}",
            hover="%{y:,.0f} €",
        )
    return figure


def week_totals(rows: Sequence[Row], label: Callable[[str], str]) -> go.Figure:
    """Weekly sums of segments, one line each; partial weeks have an open mark.

    The 80% range is drawn where the rows have one and there are few enough lines to see it.

    Args:
        rows: Rows of ``forecast_totals`` by segment and week.
        label: How a segment is called.
    """
    figure = theme.figure(
        height=380,
        yaxis={"title": {"text": "EUR a week"}, "rangemode": "tozero", "tickformat": ".3~s"},
        xaxis={"tickformat": "%d %b", "hoverformat": "week of %d %b %Y"},
    )
    segments = [(name, list(group)) for name, group in groupby(rows, key=itemgetter("segment"))]
    for number, (name, weeks) in enumerate(segments):
        starts = [row["week_start"] for row in weeks]
        if len(segments) <= len(theme.LINES) and has_range(weeks):
            add_band(
                figure,
                starts,
                [row["lower_80"] for row in weeks],
                [row["upper_80"] for row in weeks],
                color=theme.LINES[number],
                opacity=0.2,
                share="80",
            )
        mark = theme.symbol(number)
        marks = [mark if row["days"] == 7 else f"{mark}-open" for row in weeks]
        add_line(
            figure,
            number,
            starts,
            [row["sales_forecast"] for row in weeks],
            name=label(name),
            hover="%{y:,.0f} €",
            marker={"symbol": marks, "size": 9},
        )
    return figure


def has_range(weeks: Sequence[Row]) -> bool:
    """Whether every week has an 80% range; a segment formed after its origin has none."""
    return all(row["lower_80"] is not None for row in weeks)
