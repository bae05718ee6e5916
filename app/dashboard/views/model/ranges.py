"""Show a tab with the coverage of a model's intervals, for single days and for totals."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.dashboard import choices, frame, shared_charts, words
from app.dashboard.answers import Answers
from app.dashboard.tables import show_table
from app.dashboard.views.model import queries
from app.queries import Row


def show_ranges(ask: Answers, champion: Row) -> None:
    """Show how often sales were inside the champion's intervals in its backtest.

    Days are shown by origin and by segment, then totals. ``champion`` is a row of table
    ``model_versions``.
    """
    version = champion["model_version"]
    overall = _calibrated(ask(queries.scores, version, "overall"))
    if not overall:
        frame.nothing("The backtest of this champion has no calibrated ranges.")
        return
    st.subheader("By origin", anchor=False)
    frame.chart(
        shared_charts.coverage(
            [row for row in overall if row["forecast_origin"] is not None],
            "forecast_origin",
            words.origin,
        ),
        "Share of days inside the ranges by origin",
    )
    st.caption(
        "Ranges are calibrated on errors of earlier origins only, so the oldest origin has no "
        "range. Above the dotted line, ranges are wider than necessary; below it, they are too "
        "narrow.",
        help=words.RANGE_HELP,
    )
    show_segments(ask, version, [row for row in overall if row["forecast_origin"] is None])
    show_totals(ask, version)


def show_segments(ask: Answers, model_version: str, overall: Sequence[Row]) -> None:
    """Show a control that selects a kind of segment, and the coverage of its segments.

    ``overall`` is the row for all store-days and origins together, the first of the table.
    """
    kinds = {words.spaced(kind): kind for kind in ask(queries.segment_kinds, model_version)}
    rows: list[Row] = []
    kind = "overall"
    if kinds:
        st.subheader("By segment", anchor=False)
        first = "horizon week" if "horizon week" in kinds else next(iter(kinds))
        name = choices.one_of("Divide by", list(kinds), key="range_segment", default=first)
        kind = kinds[name]
        rows = [
            row
            for row in _calibrated(ask(queries.scores, model_version, kind))
            if row["forecast_origin"] is None
        ]
        frame.chart(
            shared_charts.coverage(rows, "segment", lambda segment: words.segment(kind, segment)),
            f"Share of days inside the ranges by {name}, with 90% bounds",
        )
    _show_coverage(
        "Segment",
        [("all", row) for row in overall]
        + [(words.segment(kind, row["segment"]), row) for row in rows],
    )


def show_totals(ask: Answers, model_version: str) -> None:
    """Show how often totals were inside their intervals in the backtest of a model.

    Nothing is shown if the backtest has no intervals of totals.
    """
    rows = ask(queries.total_scores, model_version)
    if not rows:
        return
    st.subheader("Totals", anchor=False)
    _show_coverage(
        "Total of", [(f"{words.spaced(row['level'])}, {row['span']}", row) for row in rows]
    )
    st.caption(
        "The whole forecast period of the chain is one case for each origin. So few cases are weak "
        "evidence of how often sales are inside a range."
    )


def _calibrated(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["is_own"] and row["coverage_80"] is not None]


def _show_coverage(title: str, rows: Sequence[tuple[str, Row]]) -> None:
    score = st.column_config.NumberColumn(format="%.3f", help=words.INTERVAL_SCORE_HELP)
    bounds = st.column_config.TextColumn(help=words.BOUNDS_HELP)
    show_table(
        [
            {
                title: label,
                "Inside 80%": row["coverage_80"],
                "80%, bounds": words.bounds(row["coverage_80_lower"], row["coverage_80_upper"]),
                "Inside 95%": row["coverage_95"],
                "95%, bounds": words.bounds(row["coverage_95_lower"], row["coverage_95_upper"]),
                "Bias": row["bias"],
                "Interval score 80%": row["interval_score_80"],
                "Interval score 95%": row["interval_score_95"],
                "Pinball loss": row["pinball"],
                "Origins": row["interval_origins"],
            }
            for label, row in rows
        ],
        share=("Inside 80%", "Inside 95%", "Bias"),
        column_config={
            "80%, bounds": bounds,
            "95%, bounds": bounds,
            "Interval score 80%": score,
            "Interval score 95%": score,
            "Pinball loss": st.column_config.NumberColumn(
                format="percent", help=words.PINBALL_HELP
            ),
        },
    )
