"""Draw forecasts next to actual sales, errors by origin, API usage, and drift with thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from app.dashboard import theme, words
from app.dashboard.shared_charts import add_line, add_outcomes
from app.queries import Row

_LIMIT = {"color": theme.GREY, "width": 1, "dash": "dash"}


def forecast_and_actual(rows: Sequence[Row]) -> go.Figure:
    """Draw unbiased daily totals of forecasts, and of actual sales.

    Args:
        rows: ``target_date, forecast, actual`` (EUR), sorted by day.
    """
    figure = theme.days_figure(height=340, tickformat=".3~s")
    for column, name, color, dash in (
        ("actual", "actual sales", theme.PAST, "solid"),
        ("forecast", "forecast", theme.FORECAST, "dash"),
    ):
        add_line(
            figure,
            0,
            [row["target_date"] for row in rows],
            [row[column] for row in rows],
            name=name,
            hover="%{y:,.0f} €",
            line={"color": color, "dash": dash, "width": 2},
            marker={"size": 4},
        )
    return figure


def error_by_origin(
    rows: Sequence[Row], expected: float | None, others: Mapping[str, Sequence[Row]]
) -> go.Figure:
    """Draw RMSPE and bias of the forecasts from each origin, with the RMSPE in the backtest.

    Args:
        rows: ``forecast_origin, rmspe, bias, days`` (number of days with actuals) for served
            forecasts, sorted by origin. If the rows also have ``rolling_rmspe`` (RMSPE over this
            origin and those of the 27 days before it), it is drawn as a further line.
        expected: RMSPE in the backtest, drawn as a dotted line; None means no line.
        others: The same columns for forecasts of other kinds, by the name of their points; only
            their RMSPE is drawn. Kinds without rows are left out.
    """
    figure = theme.figure(
        height=320,
        yaxis={"title": {"text": "share of sales"}, "tickformat": ".0%"},
        xaxis={"type": "category"},
    )
    lines = [("RMSPE", "rmspe", rows), ("bias", "bias", rows)] if rows else []
    if rows and "rolling_rmspe" in rows[0]:
        # wide and pale, because it is equal to the first line where origins are far apart
        figure.add_scatter(
            x=[words.origin(row["forecast_origin"]) for row in rows],
            y=[row["rolling_rmspe"] for row in rows],
            mode="lines",
            line={"color": theme.PURPLE, "width": 6},
            opacity=0.5,
            name="RMSPE, four weeks",
            hovertemplate="%{y:.1%}",
        )
    lines += [(name, "rmspe", points) for name, points in others.items() if points]
    for number, (name, column, points) in enumerate(lines):
        add_line(
            figure,
            number,
            [words.origin(row["forecast_origin"]) for row in points],
            [row[column] for row in points],
            name=name,
            hover="%{y:.1%} over %{customdata} days",
            customdata=[row["days"] for row in points],
            mode="markers" if name in others else "lines+markers",
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


def requests_by_day(days: Sequence[Row]) -> go.Figure:
    """Draw the number of API requests by day and outcome.

    Args:
        days: ``usage_date``, and the numbers of requests ``answered, client_errors,
            server_errors``, sorted by day.
    """
    figure = theme.days_figure(height=280, title="requests", barmode="stack")
    add_outcomes(
        figure,
        [row["usage_date"] for row in days],
        days,
        {
            "answered": "answered",
            "client_errors": "error of the client",
            "server_errors": "error of the API",
        },
    )
    return figure


def latency_by_day(days: Sequence[Row]) -> go.Figure:
    """Draw the median and the 99% quantile of response times by day.

    Args:
        days: ``usage_date, latency_p50_ms, latency_p99_ms``, sorted by day.
    """
    figure = theme.figure(
        height=260,
        yaxis={"title": {"text": "milliseconds"}, "type": "log", "dtick": 1},
        xaxis={"hoverformat": "%a %d %b %Y"},
    )
    for number, (column, name) in enumerate(
        (("latency_p50_ms", "half of the answers"), ("latency_p99_ms", "99 of 100 answers"))
    ):
        add_line(
            figure,
            number,
            [row["usage_date"] for row in days],
            # a logarithm has no zero
            [max(row[column], 0.01) for row in days],
            name=name,
            hover="%{y:,.1f} ms",
        )
    return figure


def drift_by_threshold(rows: Sequence[Row]) -> go.Figure:
    """Draw one bar for each drift measure: its value divided by its threshold.

    A drift measure says how much the newest data differ from earlier data. The bar is hatched if
    the measure has reached its threshold.

    Args:
        rows: Rows of ``queries.drift_measures``: ``kind`` (kind of data, for example ``sales``),
            ``name`` (name of the feature), ``is_drifted`` (whether the threshold is reached) and
            ``of_threshold`` (value divided by threshold), sorted by ``of_threshold``, largest
            first.
    """
    figure = theme.figure(
        height=60 + 24 * len(rows),
        showlegend=False,
        hovermode="closest",
        bargap=0.35,
        xaxis={
            "tickformat": ".0%",
            "title": {"text": "share of threshold"},
            "rangemode": "tozero",
        },
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


def drift_over_origins(rows: Sequence[Row]) -> go.Figure:
    """Draw how drift developed: one line for each kind of data, with a point for each origin.

    A point is the largest drift measure of that kind at the origin, as a share of its threshold.

    Args:
        rows: One row for each origin and kind: ``forecast_origin``, ``kind`` (kind of data, for
            example ``sales``), ``name`` (feature of the largest measure) and ``of_threshold``
            (value divided by threshold), sorted by origin.
    """
    figure = theme.figure(
        height=300,
        yaxis={
            "title": {"text": "share of threshold"},
            "tickformat": ".0%",
            "rangemode": "tozero",
        },
        xaxis={"type": "category"},
    )
    for number, kind in enumerate(dict.fromkeys(row["kind"] for row in rows)):
        of_kind = [row for row in rows if row["kind"] == kind]
        add_line(
            figure,
            number,
            [words.origin(row["forecast_origin"]) for row in of_kind],
            [row["of_threshold"] for row in of_kind],
            name=kind,
            hover="%{customdata}: %{y:.0%}",
            customdata=[row["name"] for row in of_kind],
        )
    figure.add_hline(y=1, line=_LIMIT)
    return figure
