"""Figures, and parts of figures, that several pages draw from plain rows.

A figure of one page is in the page's own ``charts``; colours and the look are in ``theme``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

import plotly.graph_objects as go

from app.dashboard import theme, words

Row = dict[str, Any]

_RATIO_TICKS = [0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1, 2, 5]


def errors_by(
    rows: Sequence[Row], column: str, label: Callable[[Any], str], *, as_ratios: bool = False
) -> go.Figure:
    """RMSPE of the model and of each method beside it, one line each.

    The model itself is drawn whole; methods beside it are thinner.

    Args:
        rows: Scores by model, in the order of ``column``.
        column: What the axis shows, for example ``segment``.
        label: How a value of it is written.
        as_ratios: Whether equal steps of the axis are equal ratios, which keeps small differences
            readable beside one large error.
    """
    scale = {"type": "log", "tickvals": _RATIO_TICKS} if as_ratios else {"rangemode": "tozero"}
    figure = theme.figure(
        height=340,
        yaxis={"title": {"text": "RMSPE"}, "tickformat": ".0%", **scale},
        xaxis={"type": "category"},
    )
    for number, (name, group) in enumerate(groupby(rows, key=itemgetter("model"))):
        points = list(group)
        add_line(
            figure,
            number,
            [label(row[column]) for row in points],
            [row["rmspe_median"] for row in points],
            name=words.spaced(name),
            hover="%{y:.1%}",
            width=3 if points[0]["is_own"] else 1.5,
        )
    return figure


def coverage(rows: Sequence[Row], column: str, label: Callable[[Any], str]) -> go.Figure:
    """Share of days inside the 80% and 95% ranges, beside what was promised.

    Args:
        rows: Rows with ``coverage_80`` and ``coverage_95``, in the order of ``column``.
        column: What the axis shows.
        label: How a value of it is written.
    """
    figure = theme.figure(
        height=300,
        yaxis={"title": {"text": "days inside"}, "tickformat": ".0%", "range": [0.5, 1.02]},
        # half a step of room at each end, where the words beside the dotted lines stand
        xaxis={"type": "category", "range": [-0.5, len(rows) - 0.5]},
    )
    for number, (share, promised) in enumerate((("80", 0.80), ("95", 0.95))):
        color = theme.LINES[number]
        add_line(
            figure,
            number,
            [label(row[column]) for row in rows],
            [row[f"coverage_{share}"] for row in rows],
            name=f"{share}% range",
            hover="%{y:.1%}",
        )
        figure.add_hline(
            y=promised,
            line={"color": color, "width": 1, "dash": "dot"},
            annotation={"text": "promised", "font": {"color": color}},
            annotation_position="bottom right",
        )
    return figure


def add_line(
    figure: go.Figure,
    number: int,
    x: Sequence[Any],
    y: Sequence[Any],
    *,
    name: str,
    hover: str,
    width: float = 2,
    **options: Any,
) -> None:
    """Add a line with marks to a figure.

    Args:
        figure: The figure.
        number: Number of the line in the figure, from 0; it decides colour, dash and mark.
        x: Positions.
        y: Values.
        name: Text in the legend.
        hover: What a pointer shows, in Plotly's notation.
        width: Width of the line in pixels.
        **options: Further options of Plotly's scatter traces.
    """
    look: dict[str, Any] = {
        "mode": "lines+markers",
        "line": {**theme.line_style(number), "width": width},
        "marker": {"symbol": theme.symbol(number), "size": 8},
    }
    figure.add_scatter(x=x, y=y, name=name, hovertemplate=hover, **{**look, **options})


def add_outcomes(
    figure: go.Figure,
    x: Sequence[Any],
    rows: Sequence[Row],
    columns: Mapping[str, str],
    **options: Any,
) -> None:
    """Add stacked bars of good, doubtful and bad outcomes; colour and pattern tell them apart.

    Args:
        figure: A figure whose ``barmode`` is ``stack``.
        x: Position of each row.
        rows: Counts.
        columns: Names in the legend by column of the rows: good, doubtful, bad.
        **options: Further options of Plotly's bars.
    """
    looks = ((theme.BLUE, ""), (theme.ORANGE, "/"), (theme.VERMILLION, "x"))
    for (column, name), (color, pattern) in zip(columns.items(), looks, strict=True):
        figure.add_bar(
            x=x,
            y=[row[column] for row in rows],
            name=name,
            marker={"color": color, "pattern": {"shape": pattern}},
            **options,
        )


def add_band(
    figure: go.Figure,
    days: Sequence[date],
    lower: Sequence[float],
    upper: Sequence[float],
    *,
    color: str,
    opacity: float,
    share: str,
) -> None:
    """The area between two bounds, behind the lines that are added later."""
    figure.add_scatter(
        x=[*days, *reversed(days)],
        y=[*upper, *reversed(lower)],
        mode="lines",
        fill="toself",
        fillcolor=theme.faded(color, opacity),
        line={"width": 0},
        hoverinfo="skip",
        name=f"{share}% range",
    )


def shade(figure: go.Figure, days: Sequence[date], *, color: str, swatch: str, name: str) -> None:
    """Shade each run of days behind the lines, with an entry in the legend."""
    # a day's mark stands at its midnight, so the day as drawn is half a day to each side of that
    half_a_day = timedelta(hours=12)
    for first, last in _runs(days):
        figure.add_vrect(
            x0=datetime.combine(first, time.min) - half_a_day,
            x1=datetime.combine(last, time.min) + half_a_day,
            layer="below",
            fillcolor=color,
            line_width=0,
        )
    figure.add_scatter(  # shapes have no entry in the legend
        x=[None],
        y=[None],
        mode="markers",
        marker={"symbol": "square", "size": 12, "color": swatch},
        name=name,
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
