"""Show the monitoring page: alerts, forecasts next to actual sales, drift, API usage, runs."""

from __future__ import annotations

import streamlit as st

from app.dashboard import frame, words
from app.dashboard.answers import Answers
from app.dashboard.tables import show_table
from app.dashboard.views.monitoring import PAGE, queries
from app.dashboard.views.monitoring.accuracy import show_accuracy
from app.dashboard.views.monitoring.alerts import show_alerts
from app.dashboard.views.monitoring.drift import show_drift
from app.dashboard.views.monitoring.usage import show_usage
from rossmann_ml.base.settings import load_settings
from rossmann_ml.serving.status import Status, read_status


def show(ask: Answers) -> None:
    """Show alerts, forecasts next to actual sales, drift, API usage and runs."""
    status = read_status(load_settings().published_path)
    show_alerts(ask, status)
    show_accuracy(ask)
    show_drift(ask)
    show_usage(ask)
    show_runs(ask, status)


def show_runs(ask: Answers, status: Status) -> None:
    """Show the last publication, the rollback in effect if any, and a table of forecast runs.

    The last failed run is also shown if a later run succeeded. Until then, every page shows a
    warning about it, so this section does not. ``status`` is the content of ``status.json``.
    """
    st.subheader("Runs", anchor=False)
    if status.last_publish is not None:
        st.caption(
            f"Last published: generation {words.code(status.last_publish.generation_id)}, "
            f"{status.last_publish.at:%d %b %Y %H:%M} UTC."
        )
    if status.rollback is not None:
        st.warning(
            f"A person rolled back to generation {words.code(status.rollback.generation_id)} "
            f"({status.rollback.at:%d %b %Y %H:%M} UTC).",
            icon=":material/history:",
        )
    failed = status.last_failed_run
    if failed is not None and failed.is_resolved:
        st.caption(
            f"Last failed run: {failed.at:%d %b %Y %H:%M} UTC at {words.plain(failed.step)} "
            f"({words.plain(failed.reason)}); a later run succeeded."
        )
    show_table(
        ask(queries.runs),
        euro=("Total",),
        column_config={
            "Seconds": st.column_config.NumberColumn(format="%.1f"),
            "No forecast": st.column_config.NumberColumn(help="Number of stores."),
            "Assumed plan": st.column_config.NumberColumn(
                help="Number of store-days without a known plan; it is assumed by rule."
            ),
        },
    )


if __name__ == "__main__":
    frame.show_page(PAGE, show)
