"""Show the monitoring page's section with open and past alerts.

Open alerts are read from ``status.json``, because a run writes this file even if it publishes
nothing. The history of alerts is read from the generation.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.dashboard import words
from app.dashboard.answers import Answers
from app.dashboard.tables import show_table
from app.dashboard.views.monitoring import queries
from rossmann_ml.serving.status import OpenAlert, Status

_MOST_ROWS = 200
# the icon shows the severity too, because colour alone is not enough
_ICONS = {
    "critical": ":material/error:",
    "warning": ":material/warning:",
    "info": ":material/info:",
}
_BOXES: dict[str, Any] = {"critical": st.error, "warning": st.warning, "info": st.info}


def show_alerts(ask: Answers, status: Status) -> None:
    """Show open alerts, and a table of the newest alerts in the generation, at most ``_MOST_ROWS``.

    If a training is due, the reason is shown. If a person accepted totals beyond their limits in
    the last publication, the person's reason is shown. ``status`` is the content of
    ``status.json``.
    """
    st.subheader("Alerts", anchor=False)
    if not status.alerts:
        st.success("No alert is open.", icon=":material/check_circle:")
    for alert in status.alerts:
        _show_open(alert)
    if status.retraining_advice is not None:
        st.info(
            "Advice for the next weekly run: train a challenger. Reason: "
            f"{words.plain(status.retraining_advice)}.",
            icon=":material/model_training:",
        )
    published = status.last_publish
    if published is not None and published.accepted_jump is not None:
        st.caption(
            f"A person accepted the jump of the totals in generation "
            f"{words.code(published.generation_id)}: "
            f"{words.plain(published.accepted_jump)}"
        )
    rows = ask(queries.alerts, _MOST_ROWS)
    if not rows:
        st.caption("The published data have no earlier alerts.")
        return
    st.markdown("**History**")
    show_table(rows)
    st.caption("State at the time of publication.")


def _show_open(alert: OpenAlert) -> None:
    box = _BOXES.get(alert.severity, st.warning)
    box(
        f"**{words.plain(alert.severity)}** · {words.plain(words.spaced(alert.rule))} · "
        f"{words.plain(alert.subject)}\n\n"
        f"{words.plain(alert.message)}\n\n"
        f"Owner: {words.plain(alert.owner)} · since {alert.raised_at:%d %b %Y %H:%M} UTC · "
        f"{words.link('where to look', alert.link)}",
        icon=_ICONS.get(alert.severity, ":material/warning:"),
    )
