"""Drawing: figures from plain rows. Nothing here asks the warehouse or knows Streamlit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import plotly.graph_objects as go

Row = dict[str, Any]

# Told apart by people who see few colours, and on white as on black.
_PAST = "#7f8fa6"
_FORECAST = "#2f7fd1"
_BAND_80 = "rgba(47, 127, 209, 0.30)"
_BAND_95 = "rgba(47, 127, 209, 0.14)"
_PROMO = "rgba(240, 160, 40, 0.16)"
_PROMO_SWATCH = "rgba(240, 160, 40, 0.45)"
_HOLIDAY = "#c8553d"

HOLIDAYS = {"a": "public holiday", "b": "Easter", "c": "Christmas"}


def store_chart(history: Sequence[Row], forecast: Sequence[Row]) -> go.Figure:
    """Sales so far and the forecast with its bounds, over promotions and public holidays.

    Closed days are left out of the lines: a fall to 0 every Sunday would hide the rest. Days that
    nobody reported are a gap.

    Args:
        history: Rows of ``daily_sales`` by day.
        forecast: Rows of the forecast with its plan by day.
    """
    figure = go.Figure()
    past = [row for row in history if row["sales"] != 0]  # NULL stays: it breaks the line
    coming = [row for row in forecast if row["is_open"]]
    days = [row["target_date"] for row in coming]
    for share, color in (("95", _BAND_95), ("80", _BAND_80)):
        lower, upper = ([row[f"{side}_{share}"] for row in coming] for side in ("lower", "upper"))
        figure.add_scatter(
            x=[*days, *reversed(days)],
            y=[*upper, *reversed(lower)],
            fill="toself",
            fillcolor=color,
            line={"width": 0},
            hoverinfo="skip",
            name=f"{share}% range",
        )
    figure.add_scatter(
        x=[row["sales_date"] for row in past],
        y=[row["sales"] for row in past],
        mode="lines",
        line={"color": _PAST, "width": 1.5},
        name="sales",
        hovertemplate="%{y:,.0f} €",
    )
    figure.add_scatter(
        x=days,
        y=[row["sales_forecast"] for row in coming],
        customdata=[[row["lower_80"], row["upper_80"]] for row in coming],
        mode="lines+markers",
        line={"color": _FORECAST, "width": 2},
        marker={"size": 4},
        name="forecast",
        hovertemplate="%{y:,.0f} € (%{customdata[0]:,.0f} to %{customdata[1]:,.0f})",
    )
    _mark_plan(figure, [*_plan_of(history, "sales_date"), *_plan_of(forecast, "target_date")])
    figure.update_layout(
        height=430,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        hovermode="x unified",
        legend={"orientation": "h", "y": -0.12, "x": 0, "yanchor": "top"},
        yaxis={"title": {"text": "EUR a day"}, "rangemode": "tozero", "tickformat": ",.0f"},
        xaxis={"hoverformat": "%a %d %b %Y"},
    )
    return figure


def _plan_of(rows: Iterable[Row], day: str) -> Iterator[tuple[date, bool, str]]:
    for row in rows:
        yield row[day], bool(row["is_promo"]), row["state_holiday"] or "0"


def _mark_plan(figure: go.Figure, plan: Sequence[tuple[date, bool, str]]) -> None:
    """Shade promotions behind the lines and put a mark at public holidays."""
    # a day's mark stands at its midnight, so the day as drawn is half a day to each side of that
    half_a_day = timedelta(hours=12)
    for first, last in _runs([day for day, is_promo, _ in plan if is_promo]):
        figure.add_shape(
            type="rect",
            layer="below",
            yref="paper",
            y0=0,
            y1=1,
            x0=datetime.combine(first, time.min) - half_a_day,
            x1=datetime.combine(last, time.min) + half_a_day,
            fillcolor=_PROMO,
            line={"width": 0},
        )
    figure.add_scatter(  # shapes have no entry in the legend
        x=[None],
        y=[None],
        mode="markers",
        marker={"symbol": "square", "size": 12, "color": _PROMO_SWATCH},
        name="promotion",
    )
    holidays = [(day, HOLIDAYS[code]) for day, _, code in plan if code in HOLIDAYS]
    if holidays:
        figure.add_scatter(
            x=[day for day, _ in holidays],
            y=[0] * len(holidays),
            text=[name for _, name in holidays],
            mode="markers",
            marker={"symbol": "diamond", "size": 9, "color": _HOLIDAY},
            cliponaxis=False,
            name="public holiday",
            hovertemplate="%{text}",
        )


def _runs(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """First and last day of every unbroken run of days; the days must be in order."""
    start = previous = None
    for day in days:
        if previous is not None and day - previous == timedelta(days=1):
            previous = day
            continue
        if start is not None and previous is not None:
            yield start, previous
        start = previous = day
    if start is not None and previous is not None:
        yield start, previous
