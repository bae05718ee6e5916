"""Show how close forecasts were to actual sales: by origin, by segment, and on the worst days."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import queries as shared_queries
from app.dashboard import choices, frame, shared_charts, words
from app.dashboard.answers import Answers
from app.dashboard.tables import show_table
from app.dashboard.views.monitoring import charts, queries
from app.queries import Row

_WORST_SHOWN = 50
_SEGMENTS = {
    "Week ahead": "horizon_week",
    "Store type": "store_type",
    "Assortment": "assortment",
    "State": "state",
    "Promotion": "promo",
    "Weekday": "weekday",
}
_BACKFILLED = {"served": "", "backfilled": " (backfilled)"}
_RANKINGS = {"Relative error": "relative", "Error in EUR": "eur"}


def show_accuracy(ask: Answers) -> None:
    """Show forecasts compared with actual sales: by origin, by segment, and the worst days."""
    st.subheader("Forecasts and actual sales", anchor=False)
    rows = ask(queries.accuracy, "served")
    backfilled = ask(queries.accuracy, "backfilled")
    if not rows:
        frame.nothing(
            "No published forecast has actual sales yet. The first comparison is possible after "
            "the next week of sales has arrived."
        )
    if not rows and not backfilled:
        return
    champion = ask(shared_queries.model, ask.info.model_version)
    if len(rows) + len(backfilled) > 1:
        shadows = ask(queries.accuracy, "shadow")
        show_origins(rows, champion["rmspe_median"] if champion else None, shadows, backfilled)
    chosen = show_origin(ask, [*rows, *backfilled])
    show_segments(ask, chosen)
    if rows:
        show_worst_days(ask)


def show_origins(
    rows: Sequence[Row],
    expected: float | None,
    shadows: Sequence[Row],
    backfilled: Sequence[Row],
) -> None:
    """Show error and coverage of published forecasts by origin, with the error in the backtest.

    Args:
        rows: Rows of table ``forecast_accuracy`` for served forecasts, sorted by origin.
        expected: RMSPE of the champion in its backtest; None if it is not known.
        shadows: Rows of the same table for shadow forecasts, sorted by origin.
        backfilled: Rows of the same table for backfilled forecasts, sorted by origin.
    """
    errors = charts.error_by_origin(
        rows, expected, {"RMSPE in shadow": shadows, "RMSPE backfilled": backfilled}
    )
    coverage = shared_charts.coverage(rows or backfilled, "forecast_origin", words.origin)
    for figure, alt in (
        (errors, "RMSPE and bias of the published forecasts by origin"),
        (coverage, "Share of days inside the ranges by origin"),
    ):
        # there may be sixty origins, and a phone has room for few labels
        figure.update_xaxes(nticks=4, tickangle=0)
        frame.chart(figure, alt)
    st.caption(
        "Each point is one published forecast, at its origin (the last day whose sales it used), "
        "scored on the days with actual sales so far. *RMSPE, four weeks* also includes the "
        "origins of the 27 days before. The dotted line is the typical error in the backtest. "
        "*In shadow* is a challenger whose forecasts are not published. *Backfilled* forecasts "
        "were computed later for a past origin, so nobody planned with them.",
        help=f"{words.RMSPE_HELP} {words.BIAS_HELP}",
    )


def show_origin(ask: Answers, rows: Sequence[Row]) -> Row:
    """Show a control that selects an origin, and the accuracy of its forecasts.

    Args:
        ask: Access to the published data.
        rows: Rows of table ``forecast_accuracy`` for served and for backfilled forecasts.

    Returns:
        The row of the selected origin; the served forecasts if it has both kinds.
    """
    by_kind = sorted(rows, key=lambda row: (row["forecast_origin"], row["forecast_kind"]))
    origins = {f"{row['forecast_origin']}": row for row in by_kind}
    newest_first = sorted(origins, reverse=True)
    choices.warn_unknown("origin", newest_first, "The newest is shown")
    chosen = st.selectbox(
        "Forecast from the origin",
        newest_first,
        key="origin",
        bind="query-params",
        format_func=lambda origin: origin + _BACKFILLED[origins[origin]["forecast_kind"]],
    )
    row = origins[chosen]
    with st.container(horizontal=True):
        frame.metric("RMSPE", words.percent(row["rmspe"]), help=words.RMSPE_HELP)
        frame.metric(  # generations that earlier versions published have no bias of totals
            "Bias of totals",
            words.signed_percent(row.get("total_bias")),
            f"daily forecasts {words.signed_percent(row['bias'])}",
            help=words.TOTAL_BIAS_HELP,
        )
        frame.metric(
            "Inside the 80% range", words.percent(row["coverage_80"]), help=words.RANGE_HELP
        )
        frame.metric("Inside the 95% range", words.percent(row["coverage_95"]))
        if row["skill"] is not None:
            frame.metric("Skill", words.percent(row["skill"]), help=words.SKILL_HELP)
    backtest = ""
    if row["backtest_rmspe"] is not None:
        backtest = (
            f" The backtest of the same model: RMSPE {words.percent(row['backtest_rmspe'])}, "
            f"inside the ranges {words.percent(row['backtest_coverage_80'])} and "
            f"{words.percent(row['backtest_coverage_95'])}, skill "
            f"{words.percent(row['backtest_skill'])}."
        )
    st.caption(
        f"{row['store_days']:,} store-days from {words.long_day(row['first_target_date'])} to "
        f"{words.long_day(row['last_target_date'])}, without closed days and days without known "
        f"sales.{backtest}"
    )
    frame.chart(
        charts.forecast_and_actual(ask(queries.forecast_and_actual, row["forecast_origin"])),
        "Unbiased daily totals of forecasts, and of actual sales, over the same stores",
    )
    st.caption("Totals per day, over the same stores.", help=words.TOTAL_HELP)
    return row


def show_segments(ask: Answers, chosen: Row) -> None:
    """Show the RMSPE by segment of the forecasts that ``chosen`` scores.

    ``chosen`` is a row of table ``forecast_accuracy``.

    A control selects how store-days are grouped, for example by store type. The chart also has the
    RMSPE in the backtest and the RMSPE of seasonal naive, for comparison.
    """
    st.markdown("**Error by segment**")
    kind = _SEGMENTS[choices.one_of("Error by", list(_SEGMENTS), key="accuracy_by")]
    frame.chart(
        shared_charts.errors_by(
            ask(
                queries.accuracy_by_segment,
                chosen["forecast_origin"],
                chosen["forecast_kind"],
                kind,
            ),
            "segment",
            lambda name: words.segment(kind, name),
        ),
        "RMSPE by segment: the forecast, the backtest of its model, and seasonal naive",
    )


def show_worst_days(ask: Answers) -> None:
    """Show the store-days with the largest forecast errors, each with the reason of its error.

    They are from the 28 days up to the newest day with actuals. A control selects whether relative
    errors or errors in EUR are compared.
    """
    st.markdown("**Worst days**")
    ranking = _RANKINGS[choices.one_of("Worst by", list(_RANKINGS), key="worst_by")]
    reasons = ask(queries.worst_reasons, ranking)
    if not reasons:
        frame.nothing("No forecast of the last four weeks had an error.")
        return
    counts = ", ".join(f"{words.reason(row['reason'])} {row['store_days']}" for row in reasons)
    st.caption(
        f"Reasons for the {sum(row['store_days'] for row in reasons)} largest errors of the newest "
        f"four weeks with actual sales: {counts}. The table shows up to {_WORST_SHOWN}, each with "
        "the last forecast before the day."
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
