"""Show the monitoring page's section on drift.

The drift measures of the plan, of features and of sales compare the newest data with those of the
same season a year before. Exceptions are the share of assumed plans and the number of stores far
from their own level. Forecasts are compared with the previous vintage and with the newest sales.

A measure that reaches its threshold is shown as drifted.
"""

from __future__ import annotations

import streamlit as st

from app.dashboard import frame, words
from app.dashboard.answers import Answers
from app.dashboard.tables import show_table
from app.dashboard.views.monitoring import charts, queries
from app.queries import Row
from rossmann_ml.base.params.drift import DRIFT_FEATURES
from rossmann_ml.base.settings import load_settings
from rossmann_ml.serving.report_files import report_path

_MOST_ORIGINS = 26


def show_drift(ask: Answers) -> None:
    """Show all drift measures at the newest origin, and the largest of each kind by origin.

    Each measure is shown as a share of its threshold. The chart by origin has at most
    ``_MOST_ORIGINS`` origins, the newest.
    """
    st.subheader("Drift", anchor=False)
    origins = ask(queries.drift_origins)
    if not origins:
        frame.nothing("Drift has not been measured yet. The next `rossmann refresh` measures it.")
        return
    rows = ask(queries.drift_measures, origins[0])
    drifted = [row for row in rows if row["is_drifted"]]
    day = words.long_day(origins[0])
    if drifted:
        named = "; ".join(
            f"**{row['kind']}: {words.plain(row['name'])}** ({words.plain(row['detail'])})"
            for row in drifted
        )
        st.warning(f"Drifted at the origin of {day}: {named}.", icon=":material/trending_up:")
    else:
        st.success(
            f"At the origin of {day}, none of {len(rows)} measures reached its threshold.",
            icon=":material/check_circle:",
        )
    st.caption(
        "Drift: the newest data differ from earlier data; most measures compare with the same "
        "season one year before, on the same weekdays and for the same stores. Thresholds were set "
        "on other weeks."
    )
    frame.chart(
        charts.drift_by_threshold(rows),
        f"Drift measures as a share of their thresholds; {len(drifted)} of {len(rows)} reached it",
    )
    _show_rows(rows)
    if len(origins) > 1:
        st.markdown("**Over origins**")
        frame.chart(
            charts.drift_over_origins(ask(queries.drift_over_origins, _MOST_ORIGINS)),
            "The largest drift measure of each kind by origin, as a share of its threshold",
        )
    _show_report_downloads(str(rows[0]["run_id"]))


def _show_rows(rows: list[Row]) -> None:
    with st.expander("Every measure"):
        show_table(
            [
                {
                    "Kind": row["kind"],
                    "What": row["name"],
                    "Drifted": row["is_drifted"],
                    "Value": row["value"],
                    "Threshold": row["threshold"],
                    "Largest change": row["detail"],
                    "Meaning": DRIFT_FEATURES.get(row["kind"], {}).get(row["feature"]),
                    "Method": row["method"],
                    "Compared with days from": row["reference_from"],
                    "to": row["reference_to"],
                }
                for row in rows
            ],
            column_config={
                "Value": st.column_config.NumberColumn(format="%.3f"),
                "Threshold": st.column_config.NumberColumn(format="%.3g"),
            },
        )


def _show_report_downloads(run_id: str) -> None:
    """Show buttons to download the two HTML reports that Evidently wrote in a run.

    One report is about drift of data and forecasts, the other about forecast errors. If a report's
    file is not on this machine, its button is not shown.
    """
    settings = load_settings()
    for name in ("drift", "performance"):
        page = report_path(settings, run_id, name)
        if page.exists():
            st.download_button(
                f"Evidently report: {name}",
                # read on click only, because a report has megabytes
                data=page.read_bytes,
                file_name=f"{name}-{run_id}.html",
                mime="text/html",
                icon=":material/description:",
                key=f"page-{name}",
            )
            is_below = page.is_relative_to(settings.home)
            st.caption(words.code(page.relative_to(settings.home) if is_below else page))
