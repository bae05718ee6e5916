"""Show the monitoring page's section on API usage."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from app.dashboard import frame, words
from app.dashboard.answers import Answers
from app.dashboard.tables import show_table
from app.dashboard.views.monitoring import charts, queries

_DAYS = 60
_DAYS_BY_PATH = 7


def show_usage(ask: Answers) -> None:
    """Show requests, latency and errors of the API by day, and by path for the newest week."""
    st.subheader("API usage", anchor=False)
    days = ask(queries.usage_by_day, _DAYS)
    if not days:
        frame.nothing("The API recorded no request before this publication.")
        return
    newest = days[-1]
    st.caption(
        f"On {words.long_day(newest['usage_date'])} (UTC), the newest day before this publication: "
        f"{words.count(newest['requests'], 'request')}, "
        f"{words.count(newest['stores_asked'], 'store')} requested by number, "
        f"{words.count(newest['what_if_requests'], 'what-if request')}."
    )
    frame.chart(charts.requests_by_day(days), "Requests by day and outcome")
    frame.chart(charts.latency_by_day(days), "Response times in milliseconds, by day")
    unrecorded = sum(row["unrecorded_requests"] for row in days)
    if unrecorded:
        st.caption(
            f"{words.count(unrecorded, 'more request')} on these days could not be recorded."
        )
    since = newest["usage_date"] - timedelta(days=_DAYS_BY_PATH - 1)
    st.markdown(f"**By path, the {_DAYS_BY_PATH} days to {words.long_day(newest['usage_date'])}**")
    show_table(
        ask(queries.usage_by_path, since),
        column_config={
            "Half within": st.column_config.NumberColumn(
                format="%,.1f ms", help="Median of the response times, on the slowest day."
            ),
            "99% within": st.column_config.NumberColumn(format="%,.1f ms"),
        },
    )
