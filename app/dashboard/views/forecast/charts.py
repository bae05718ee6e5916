"""Draw one store's sales and forecast, the drivers of a day, and changes of the forecast."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import plotly.graph_objects as go

from app.dashboard import theme
from app.dashboard.shared_charts import add_band, shade
from app.dashboard.words import HOLIDAYS
from app.queries import Row


def store_chart(history: Sequence[Row], forecast: Sequence[Row]) -> go.Figure:
    """Draw a store's past sales and its forecast with intervals, promotions and public holidays.

    Lines skip closed days, because a drop to 0 every Sunday would make them unreadable. A day whose
    sales are unknown is a gap in the line.

    Args:
        history: Rows of table ``daily_sales`` for one store, sorted by day.
        forecast: Rows of ``app.queries.store_forecast``: daily forecasts of the same store with
            the plan, sorted by day.
    """
    figure = theme.days_figure(height=430)
    past = [row for row in history if row["sales"] != 0]  # NULL stays, because it breaks the line
    coming = [row for row in forecast if row["is_open"]]
    days = [row["target_date"] for row in coming]
    for share, opacity in (("95", 0.16), ("80", 0.30)):
        lower, upper = ([row[f"{side}_{share}"] for row in coming] for side in ("lower", "upper"))
        add_band(figure, days, lower, upper, color=theme.FORECAST, opacity=opacity, share=share)
    figure.add_scatter(
        x=[row["sales_date"] for row in past],
        y=[row["sales"] for row in past],
        mode="lines",
        line={"color": theme.PAST, "width": 1.5},
        name="sales",
        hovertemplate="%{y:,.0f} €",
    )
    figure.add_scatter(
        x=days,
        y=[row["sales_forecast"] for row in coming],
        customdata=[[row["lower_80"], row["upper_80"]] for row in coming],
        mode="lines+markers",
        line={"color": theme.FORECAST, "width": 2},
        marker={"size": 4},
        name="forecast",
        hovertemplate="%{y:,.0f} € (%{customdata[0]:,.0f} to %{customdata[1]:,.0f})",
    )
    mark_plan(
        figure,
        [(row["sales_date"], row) for row in history]
        + [(row["target_date"], row) for row in forecast],
    )
    return figure


def mark_plan(figure: go.Figure, plan: Sequence[tuple[date, Row]]) -> None:
    """Shade days with a promotion, and mark public holidays, in a chart.

    ``plan`` has pairs, sorted by day: a day, and a row whose ``is_promo`` and ``state_holiday``
    apply to this day.
    """
    shade(
        figure,
        [day for day, row in plan if row["is_promo"]],
        color=theme.faded(theme.PROMOTION, 0.18),
        swatch=theme.faded(theme.PROMOTION, 0.5),
        name="promotion",
    )
    holidays = [
        (day, HOLIDAYS[row["state_holiday"]])
        for day, row in plan
        if row["state_holiday"] in HOLIDAYS
    ]
    if holidays:
        figure.add_scatter(
            x=[day for day, _ in holidays],
            y=[0] * len(holidays),
            text=[name for _, name in holidays],
            mode="markers",
            marker={"symbol": "diamond", "size": 9, "color": theme.HOLIDAY},
            cliponaxis=False,
            name="public holiday",
            hovertemplate="%{text}",
        )


def drivers_chart(parts: Sequence[tuple[str, float]], total: str) -> go.Figure:
    """Draw a waterfall chart that explains a forecast as the sum of its parts.

    Args:
        parts: Name and amount (EUR) of each part. The first amount is the starting point; the
            other amounts are added to it and may be negative.
        total: Label of the last bar, which is the sum of all amounts.
    """
    figure = theme.figure(
        height=360,
        hovermode="closest",
        showlegend=False,
        yaxis={"title": {"text": "EUR"}, "tickformat": ",.0f", "rangemode": "tozero"},
        xaxis={"type": "category"},
    )
    values = [value for _, value in parts]
    figure.add_waterfall(
        x=[*(name for name, _ in parts), total],
        y=[*values, sum(values)],
        measure=["absolute", *("relative" for _ in parts[1:]), "total"],
        text=[
            f"{values[0]:,.0f}",
            *(f"{value:+,.0f}" for value in values[1:]),
            f"{sum(values):,.0f}",
        ],
        textposition="outside",
        cliponaxis=False,
        increasing={"marker": {"color": theme.BLUE}},
        decreasing={"marker": {"color": theme.VERMILLION}},
        totals={"marker": {"color": theme.GREY}},
        connector={"line": {"color": theme.GREY, "width": 1}},
        hovertemplate="%{x}: %{text} €<extra></extra>",
    )
    return figure


def revision_chart(rows: Sequence[Row]) -> go.Figure:
    """Draw how many EUR each day's forecast rose or fell since the previous forecast origin.

    Args:
        rows: Rows of table ``forecast_revisions`` for one store, sorted by target day.
    """
    figure = theme.days_figure(height=260, tickformat="+,.0f", showlegend=False)
    figure.add_bar(
        x=[row["target_date"] for row in rows],
        y=[row["change"] for row in rows],
        marker={"color": [theme.BLUE if row["change"] > 0 else theme.VERMILLION for row in rows]},
        hovertemplate="%{y:+,.0f} €<extra></extra>",
    )
    return figure
