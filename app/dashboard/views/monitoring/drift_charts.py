"""Measures of drift beside their thresholds, at one origin and over origins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from app.dashboard import theme

Row = dict[str, Any]

_LIMIT = {"color": theme.GREY, "width": 1, "dash": "dash"}


def beside_thresholds(rows: Sequence[Row]) -> go.Figure:
    """How much of its threshold each measure has reached; what drifted is hatched.

    Args:
        rows: ``kind, name, of_threshold, is_drifted``, the largest first.
    """
    figure = theme.figure(
        height=60 + 24 * len(rows),
        showlegend=False,
        hovermode="closest",
        bargap=0.35,
        xaxis={"tickformat": ".0%", "title": {"text": "of the threshold"}, "rangemode": "tozero"},
        yaxis={"autorange": "reversed", "automargin": True},
    )
    figure.add_bar(
        x=[row["of_threshold"] for row in rows],
        y=[f"{row['kind']}: {row['name']}" for row in rows],
        orientation="h",
        marker={
            "color": [theme.VERMILLION if row["is_drifted"] else theme.BLUE for row in rows],
            "pattern": {"shape": ["x" if row["is_drifted"] else "" for row in rows]},
        },
        hovertemplate="%{y}: %{x:.0%} of its threshold<extra></extra>",
    )
    figure.add_vline(x=1, line=_LIMIT)
    return figure


def over_origins(rows: Sequence[Row]) -> go.Figure:
    """The measure of each kind that came nearest to its threshold, by origin.

    Args:
        rows: ``forecast_origin, kind, name, of_threshold``, the largest of its kind and origin.
    """
    figure = theme.figure(
        height=300,
        yaxis={"title": {"text": "of the threshold"}, "tickformat": ".0%", "rangemode": "tozero"},
        xaxis={"type": "category"},
    )
    for number, kind in enumerate(dict.fromkeys(row["kind"] for row in rows)):
        of_kind = [row for row in rows if row["kind"] == kind]
        figure.add_scatter(
            x=[f"{row['forecast_origin']:%d %b %Y}" for row in of_kind],
            y=[row["of_threshold"] for row in of_kind],
            customdata=[row["name"] for row in of_kind],
            mode="lines+markers",
            line=theme.line_style(number),
            marker={"symbol": theme.symbol(number), "size": 8},
            name=kind,
            hovertemplate="%{customdata}: %{y:.0%}",
        )
    figure.add_hline(y=1, line=_LIMIT)
    return figure
