"""Draw the importance of a model's features."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from app.dashboard import theme, words
from app.queries import Row


def importances(rows: Sequence[Row]) -> go.Figure:
    """Draw the importance of features as bars, largest on top.

    Args:
        rows: Rows with ``feature`` and ``gain_share`` (the feature's share of all loss reductions
            in training), sorted by ``gain_share``, largest first.
    """
    figure = theme.figure(
        height=80 + 24 * len(rows),
        hovermode="closest",
        xaxis={"title": {"text": "share of the gain"}, "tickformat": ".0%"},
        yaxis={"autorange": "reversed", "automargin": True, "ticksuffix": " "},
    )
    figure.add_bar(
        x=[row["gain_share"] for row in rows],
        y=[words.spaced(row["feature"]) for row in rows],
        orientation="h",
        marker={"color": theme.BLUE},
        hovertemplate="%{y}: %{x:.1%}<extra></extra>",
    )
    return figure
