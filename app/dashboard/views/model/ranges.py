"""Show a tab with the coverage of a model's intervals, for single days and for totals."""

from __future__ import annotations

import streamlit as st

from app.dashboard import frame, shared_charts, words
from app.dashboard.answers import Answers
from app.dashboard.tables import show_table
from app.dashboard.views.model import queries
from app.queries import Row


def show_ranges(ask: Answers, champion: Row) -> None:
    """Show how often sales were inside the champion's intervals in its backtest.

    Days are shown by origin and by horizon week, then totals. ``champion`` is a row of table
    ``model_versions``.
    """
    version = champion["model_version"]
    shown = False
    for title, kind, column, label in (
        ("By origin", "overall", "forecast_origin", words.origin),
        ("By horizon week", "horizon_week", "segment", "week {}".format),
    ):
        rows = [
            row
            for row in ask(queries.scores, version, kind)
            if row["is_own"]
            and row["coverage_80"] is not None
            and (row["forecast_origin"] is None) == (kind != "overall")
        ]
        if not rows:
            continue
        shown = True
        st.subheader(title, anchor=False)
        frame.chart(
            shared_charts.coverage(rows, column, label),
            f"Share of days inside the ranges {title.lower()}",
        )
    if not shown:
        frame.nothing("The backtest of this champion has no calibrated ranges.")
        return
    st.caption(
        "Ranges are calibrated on errors of earlier origins only, so the oldest origin has no "
        "range. Above the dotted line, ranges are wider than necessary; below it, they are too "
        "narrow.",
        help=words.RANGE_HELP,
    )
    show_totals(ask, version)


def show_totals(ask: Answers, model_version: str) -> None:
    """Show how often totals were inside their intervals in the backtest of a model.

    Nothing is shown if the backtest has no intervals of totals.
    """
    rows = ask(queries.total_coverage, model_version)
    if not rows:
        return
    st.subheader("Totals", anchor=False)
    show_table(rows, share=("Inside 80%", "Inside 95%", "Bias"))
    st.caption(
        "The whole forecast period of the chain is one case for each origin. So few cases are weak "
        "evidence of how often sales are inside a range."
    )
