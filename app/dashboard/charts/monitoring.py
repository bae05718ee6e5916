"""Forecasts against what came true, by day and by origin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from app.dashboard import theme

Row = dict[str, Any]


def forecast_and_actual(rows: Sequence[Row]) -> go.Figure:
    """Sums by day, forecast and as they came.

    Args:
        rows: ``target_date, forecast, actual``, by day.
    """
    figure = theme.figure(
        height=340,
        yaxis={"title": {"text": "EUR a day"}, "rangemode": "tozero", "tickformat": ".3~s"},
        xaxis={"hoverformat": "%a %d %b %Y"},
    )
    for column, name, color, dash in (
        ("actual", "sales", theme.PAST, "solid"),
        ("forecast", "forecast", theme.FORECAST, "dash"),
    ):
        figure.add_scatter(
            x=[row["target_date"] for row in rows],
            y=[row[column] for row in rows],
            mode="lines+markers",
            line={"color": color, "dash": dash, "width": 2},
            marker={"size": 4},
            name=name,
            hovertemplate="%{y:,.0f} €",
        )
    return figure


def error_by_origin(rows: Sequence[Row], expected: float | None) -> go.Figure:
    """RMSPE and bias of each origin's forecasts, beside the error that the backtest promised.

    Args:
        rows: ``forecast_origin, rmspe, bias, days``, by origin.
        expected: RMSPE in the backtest; None where there is none.
    """
    figure = theme.figure(
        height=300,
        yaxis={"title": {"text": "of sales"}, "tickformat": ".0%"},
        xaxis={"type": "category"},
    )
    origins = [f"{row['forecast_origin']:%d %b %Y}" for row in rows]
    for number, (column, name) in enumerate((("rmspe", "RMSPE"), ("bias", "bias"))):
        figure.add_scatter(
            x=origins,
            y=[row[column] for row in rows],
            customdata=[row["days"] for row in rows],
            mode="lines+markers",
            line=theme.line_style(number),
            marker={"symbol": theme.symbol(number), "size": 9},
            name=name,
            hovertemplate="%{y:.1%} over %{customdata} days",
        )
    figure.add_hline(y=0, line={"color": theme.GREY, "width": 1})
    if expected is not None:
        figure.add_hline(
            y=expected,
            line={"color": theme.BLUE, "width": 1, "dash": "dot"},
            annotation={"text": f"backtest {expected:.1%}", "font": {"color": theme.BLUE}},
            annotation_position="top left",
        )
    return figure
