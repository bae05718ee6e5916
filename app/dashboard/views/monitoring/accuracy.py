"""The part of the monitoring page on what came true: vintages, segments and the worst days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import streamlit as st

from app import queries as shared_queries
from app.dashboard import choices, frame, shared_charts, words
from app.dashboard.answers import Answers
from app.dashboard.tables import show_table
from app.dashboard.views.monitoring import charts, queries

Row = dict[str, Any]

_WORST_SHOWN = 50
_SEGMENTS = {
    "Week ahead": "horizon_week",
    "Store type": "store_type",
    "Assortment": "assortment",
    "State": "state",
    "Promotion": "promo",
    "Weekday": "weekday",
}
_RANKINGS = {"Relative error": "relative", "Error in EUR": "eur"}


def show_accuracy(ask: Answers) -> None:
    """Forecasts beside the sales that followed."""
    st.subheader("Forecast against actual", anchor=False)
    rows = ask(queries.accuracy, "served")
    if not rows:
        frame.nothing(
            "No published forecast has come true yet. The first can be judged when a week of "
            "sales after its origin has been landed."
        )
        return
    champion = ask(shared_queries.model, ask.info.model_version)
    shadows = ask(queries.accuracy, "shadow")
    if len(rows) > 1:
        show_vintages(rows, champion["rmspe_median"] if champion else None, shadows)
    origin = show_vintage(ask, rows)
    show_segments(ask, origin)
    show_worst_days(ask)


def show_vintages(rows: Sequence[Row], expected: float | None, shadows: Sequence[Row]) -> None:
    """All vintages over time, and what the backtest promised."""
    errors = charts.error_by_origin(rows, expected, shadows)
    coverage = shared_charts.coverage(rows, "forecast_origin", lambda day: f"{day:%d %b %Y}")
    for figure, alt in (
        (errors, "RMSPE and bias of the vintages by origin"),
        (coverage, "Share of days inside the ranges by origin"),
    ):
        # there may be sixty vintages, and a phone has room for the names of a few
        figure.update_xaxes(nticks=4, tickangle=0)
        frame.chart(figure, alt)
    st.caption(
        "Every vintage as it was first served. An origin whose six weeks are not over is judged on "
        "the days that are; four weeks are its own forecasts and those of the 27 days before. The "
        "line of the backtest is the median over its origins."
    )


def show_vintage(ask: Answers, rows: Sequence[Row]) -> date:
    """One vintage, its figures and its days; returns the origin that is chosen."""
    origins = {f"{row['forecast_origin']}": row for row in reversed(rows)}
    choices.say_unknown("origin", list(origins), "the newest is shown")
    chosen = st.selectbox(
        "Forecast made at the origin", list(origins), key="origin", bind="query-params"
    )
    row = origins[chosen]
    with st.container(horizontal=True):
        frame.metric(
            "RMSPE",
            words.percent(row["rmspe"]),
            help="Root mean square percentage error over open days with sales.",
        )
        frame.metric("Bias", words.signed_percent(row["bias"]))
        frame.metric("Inside the 80% range", words.percent(row["coverage_80"]))
        frame.metric("Inside the 95% range", words.percent(row["coverage_95"]))
        if row["skill"] is not None:
            frame.metric(
                "Skill",
                words.percent(row["skill"]),
                help="1 minus RMSPE over that of seasonal naive, on the same days.",
            )
    beside = ""
    if row["backtest_rmspe"] is not None:
        beside = (
            f" The backtest of the same model: RMSPE {words.percent(row['backtest_rmspe'])}, "
            f"inside the ranges {words.percent(row['backtest_coverage_80'])} and "
            f"{words.percent(row['backtest_coverage_95'])}, skill "
            f"{words.percent(row['backtest_skill'])}."
        )
    st.caption(
        f"{row['store_days']:,} store-days from {words.long_day(row['first_target_date'])} to "
        f"{words.long_day(row['last_target_date'])}; closed days and days without known sales "
        f"are in neither line.{beside}"
    )
    frame.chart(
        charts.forecast_and_actual(ask(queries.forecast_and_actual, date.fromisoformat(chosen))),
        "Daily sums of forecasts and of sales of the same stores",
    )
    return date.fromisoformat(chosen)


def show_segments(ask: Answers, origin: date) -> None:
    """Where the chosen vintage was better or worse than its backtest."""
    st.markdown("**Where the error lies**")
    kind = _SEGMENTS[choices.one_of("Error by", list(_SEGMENTS), key="accuracy_by")]
    frame.chart(
        shared_charts.errors_by(
            ask(queries.accuracy_by_segment, origin, kind),
            "segment",
            lambda name: words.segment(kind, name),
        ),
        "RMSPE of the vintage by segment, of its backtest and of seasonal naive",
    )


def show_worst_days(ask: Answers) -> None:
    """The store-days that were furthest off, and what happened there."""
    st.markdown("**Worst days**")
    ranking = _RANKINGS[choices.one_of("Worst by", list(_RANKINGS), key="worst_by")]
    reasons = ask(queries.worst_reasons, ranking)
    if not reasons:
        frame.nothing("No forecast of the last four weeks was off.")
        return
    said = ", ".join(f"{words.reason(row['reason'])} {row['store_days']}" for row in reasons)
    st.caption(
        f"Of the {sum(row['store_days'] for row in reasons)} worst store-days of the newest four "
        f"weeks that came true: {said}. The {_WORST_SHOWN} worst, by the forecast made last before "
        "the day:"
    )
    show_table(
        [
            {
                "Store": row["store_id"],
                "Day": row["target_date"],
                "Forecast": row["sales_forecast"],
                "Sales": row["sales"],
                "Error": row["error_eur"],
                "Relative": row["relative_error"],
                "What happened": words.happened(row),
                "Days ahead": row["horizon_days"],
            }
            for row in ask(queries.worst_days, ranking, _WORST_SHOWN)
        ],
        euro=("Forecast", "Sales", "Error"),
        share=("Relative",),
    )
