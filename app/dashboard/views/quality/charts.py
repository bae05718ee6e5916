"""Draw the results of data checks over time, and missing store-days by month."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from app.dashboard import theme
from app.dashboard.shared_charts import add_outcomes
from app.queries import Row


def checks_over_time(runs: Sequence[Row]) -> go.Figure:
    """Draw the number of passed checks, warnings and errors in each run.

    Args:
        runs: One row per run, oldest first: ``started_at``, and the numbers ``passed, warnings,
            errors``.
    """
    figure = theme.figure(
        height=280,
        barmode="stack",
        bargap=0.4,
        yaxis={"title": {"text": "checks"}},
        xaxis={"type": "category"},
    )
    at = [f"{run['started_at']:%d %b %Y %H:%M}" for run in runs]
    add_outcomes(
        figure,
        at,
        runs,
        {"passed": "passed", "warnings": "warning", "errors": "error"},
        width=min(0.6, 0.12 * len(runs) + 0.08),
    )
    return figure


def missing_by_month(months: Sequence[Row]) -> go.Figure:
    """Draw, for each month, the share of store-days that no file has a row for.

    Args:
        months: One row per month, in order: ``month`` (its first day), ``missing_share`` and
            ``stores`` (number of stores with at least one missing day).
    """
    figure = theme.figure(
        height=260,
        showlegend=False,
        yaxis={"title": {"text": "store-days missing"}, "tickformat": "~%"},
        xaxis={"hoverformat": "%B %Y"},
    )
    figure.add_bar(
        x=[row["month"] for row in months],
        y=[row["missing_share"] for row in months],
        customdata=[row["stores"] for row in months],
        marker={"color": theme.BLUE},
        hovertemplate="%{y:.1%}, %{customdata} stores<extra></extra>",
    )
    return figure
