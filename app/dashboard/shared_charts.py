"""Draw charts, and parts of charts, that several pages share.

Charts of one page are in the page's ``charts`` module; colours and look are in ``theme``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

import plotly.graph_objects as go

from app.dashboard import theme, words
from app.queries import Row

_MOST_NAMES = 12
_RATIO_TICKS = [0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1, 2, 5]


def errors_by(
    rows: Sequence[Row], column: str, label: Callable[[Any], str], *, as_ratios: bool = False
) -> go.Figure:
    """Draw the RMSPE of a model and of the methods that it is compared with, one line each.

    The line of the model is thicker.

    Args:
        rows: Rows with ``model`` (name of the model or method), ``is_own`` (true for the model,
            false for other methods), ``rmspe_median`` (RMSPE as a fraction, of one origin or the
            median over several), and the column that ``column`` names. All rows with the same
            ``model`` must follow each other, in the order of the points on its line.
        column: Column on the horizontal axis, for example ``segment``.
        label: Function that converts a value of that column to text.
        as_ratios: Whether the vertical axis is logarithmic. Then equal ratios have equal heights,
            and small differences stay readable next to one large error.
    """
    scale = {"type": "log", "tickvals": _RATIO_TICKS} if as_ratios else {"rangemode": "tozero"}
    figure = theme.figure(
        height=340,
        yaxis={"title": {"text": "RMSPE"}, "tickformat": ".0%", **scale},
        xaxis=_categories(len({row[column] for row in rows})),
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
    """Draw the share of days whose sales were inside the 80% and the 95% interval.

    Dotted lines at 80% and 95% show the expected shares.

    Args:
        rows: Rows with ``coverage_80``, ``coverage_95`` (fractions) and the column that ``column``
            names, sorted by that column. If they have ``coverage_80_lower``, ``coverage_80_upper``
            and the same for 95, vertical bars show these bounds.
        column: Column on the horizontal axis, for example ``forecast_origin``.
        label: Function that converts a value of that column to text.
    """
    figure = theme.figure(
        height=300,
        yaxis={
            "title": {"text": "share of days"},
            "tickformat": ".0%",
            "range": [0.5, 1.02],
        },
        # half a step of room at each end for the text of the dotted lines
        xaxis={**_categories(len(rows)), "range": [-0.5, len(rows) - 0.5]},
    )
    for number, (share, expected) in enumerate((("80", 0.80), ("95", 0.95))):
        color = theme.LINES[number]
        add_line(
            figure,
            number,
            [label(row[column]) for row in rows],
            [row[f"coverage_{share}"] for row in rows],
            name=f"{share}% range",
            hover="%{y:.1%}",
            error_y=_bars(rows, f"coverage_{share}", color),
        )
        figure.add_hline(
            y=expected,
            line={"color": color, "width": 1, "dash": "dot"},
            annotation={"text": "expected", "font": {"color": color}},
            annotation_position="bottom right",
        )
    return figure


def _categories(count: int) -> dict[str, Any]:
    """Describe an axis with names; of many names, such as weekly origins, it shows a few."""
    return {"type": "category"} if count <= _MOST_NAMES else {
        "type": "category", "nticks": 5, "tickangle": 0,
    }  # fmt: skip


def _bars(rows: Sequence[Row], name: str, color: str) -> dict[str, Any]:
    """Describe vertical bars from the lower to the upper bound of each value that has bounds."""

    def distances(side: str) -> list[float]:
        bounds = [(row[name], row.get(f"{name}_{side}")) for row in rows]
        return [0.0 if bound is None else abs(bound - value) for value, bound in bounds]

    return {
        "type": "data",
        "symmetric": False,
        "array": distances("upper"),
        "arrayminus": distances("lower"),
        "visible": any(row.get(f"{name}_lower") is not None for row in rows),
        "color": color,
        "thickness": 1,
        "width": 4,
    }


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
    """Add a line with markers to a chart.

    Args:
        figure: Chart to which the line is added.
        number: Number of the line in the chart, from 0. It selects colour, dash and marker.
        x: Horizontal position of each point.
        y: Vertical position of each point.
        name: Text in the legend.
        hover: Template of the tooltip in Plotly's notation.
        width: Width of the line in pixels.
        **options: Further options of Plotly's scatter traces. ``mode``, ``line`` and ``marker``
            replace the look that ``number`` and ``width`` give.
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
    """Add stacked bars to a chart, with the numbers of good, doubtful and bad outcomes.

    Outcomes are, for example, those of data checks: passed, warning and error. Each of the three
    kinds has its own colour and pattern.

    Args:
        figure: Chart to which the bars are added. Its ``barmode`` must be ``stack``.
        x: Horizontal position of each bar.
        rows: One row for each bar, in the order of ``x``, with the columns that ``columns`` names.
        columns: Names of the three columns with the numbers of good, doubtful and bad outcomes, in
            this order, each with its text in the legend.
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
    """Shade the area between the lower and the upper bounds of an interval.

    Lines that are added later are drawn over the area.

    Args:
        figure: Chart to which the area is added.
        days: Horizontal position of each pair of bounds, in ascending order.
        lower: Lower bound for each day.
        upper: Upper bound for each day.
        color: Colour as ``#RRGGBB``.
        opacity: Opacity of the area, from 0 to 1.
        share: Percentage of the interval, as the legend shows it: ``80`` or ``95``.
    """
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
    """Shade the background of some days in a chart, and explain the shading in the legend.

    Args:
        figure: Chart in which the days are shaded.
        days: Days to shade, in ascending order.
        color: Colour of the background, pale so that lines stay visible.
        swatch: Colour of the square in the legend, stronger because the square is small.
        name: Text in the legend.
    """
    # the mark of a day is at its midnight, so its area reaches half a day to each side
    half_a_day = timedelta(hours=12)
    for first, last in _runs(days):
        figure.add_vrect(
            x0=datetime.combine(first, time.min) - half_a_day,
            x1=datetime.combine(last, time.min) + half_a_day,
            layer="below",
            fillcolor=color,
            line_width=0,
        )
    # an entry of a shape in the legend would be as pale as the shape
    figure.add_scatter(
        x=[None],
        y=[None],
        mode="markers",
        marker={"symbol": "square", "size": 12, "color": swatch},
        name=name,
    )


def _runs(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """Split sorted days into groups of consecutive days; yield each group's first and last day."""
    for _, run in groupby(enumerate(days), key=lambda each: each[1].toordinal() - each[0]):
        consecutive = [day for _, day in run]
        yield consecutive[0], consecutive[-1]
