"""Draw forecasts with and without a scenario's plan changes, and the differences between them."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import polars as pl

from app.dashboard import theme
from app.dashboard.shared_charts import add_band, add_line, shade


def scenario_chart(days: pl.DataFrame) -> go.Figure:
    """Draw the forecast as planned and with the changes, with the changed days shaded.

    Args:
        days: Frame returned by ``effects.by_day``: ``target_date``, ``as_planned`` and ``changed``
            (EUR), ``is_changed``, and ``lower_80, upper_80``, the bounds of
            ``changed``. No interval is drawn on days without bounds.
    """
    figure = theme.days_figure(height=400)
    open_days = days.filter((pl.col("changed") > 0) & pl.col("lower_80").is_not_null())
    if len(open_days):
        add_band(
            figure,
            open_days["target_date"].to_list(),
            open_days["lower_80"].to_list(),
            open_days["upper_80"].to_list(),
            color=theme.SCENARIO,
            opacity=0.2,
            share="80",
        )
    for column, name, color, dash in (
        ("as_planned", "as planned", theme.FORECAST, "solid"),
        ("changed", "with the changes", theme.SCENARIO, "dash"),
    ):
        # a day that is closed in one plan only is drawn at 0, because that is the change
        shown = days.filter((pl.col("as_planned") > 0) | (pl.col("changed") > 0))
        add_line(
            figure,
            0,
            shown["target_date"].to_list(),
            shown[column].to_list(),
            name=name,
            hover="%{y:,.0f} €",
            line={"color": color, "dash": dash, "width": 2},
            marker={"size": 5},
        )
    shade(
        figure,
        days.filter("is_changed")["target_date"].to_list(),
        color=theme.faded(theme.GREEN, 0.18),
        swatch=theme.faded(theme.GREEN, 0.5),
        name="plan changed",
    )
    return figure


def differences(scenarios: Sequence[tuple[str, pl.DataFrame]]) -> go.Figure:
    """Draw by how much each scenario changes the daily forecast, one line per scenario.

    Args:
        scenarios: Name of each scenario, and its frame with ``target_date, as_planned, changed``
            (forecasts with the original and the changed plan, EUR), sorted by day.
    """
    figure = theme.days_figure(height=320, title="EUR a day against the plan", tickformat="+,.0f")
    for number, (name, days) in enumerate(scenarios):
        change = (days["changed"] - days["as_planned"]).to_list()
        add_line(
            figure, number, days["target_date"].to_list(), change, name=name, hover="%{y:+,.0f} €"
        )
    return figure
