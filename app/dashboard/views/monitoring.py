"""The page of what came of it: alerts, forecast against actual, runs, drift and usage."""

from __future__ import annotations

from datetime import date
from typing import Any

import streamlit as st

from app import queries
from app.dashboard import choices, frame, words
from app.dashboard.answers import Answers
from app.dashboard.charts import model as model_charts
from app.dashboard.charts import monitoring as charts
from app.dashboard.questions import monitoring as questions
from app.dashboard.sections.alerts import show_alerts
from app.dashboard.views.monitoring_drift import show_drift
from rossmann_ml.publish import read_status
from rossmann_ml.settings import load_settings

Row = dict[str, Any]

_MOST_ROWS = 500
_TITLES = {
    "api_usage": ("API usage", "what is asked of the API, and how fast the answer comes"),
}
_MOMENT = st.column_config.DatetimeColumn(format="DD MMM YYYY, HH:mm")
_DATE = st.column_config.DateColumn(format="DD MMM YYYY")


def show(ask: Answers) -> None:
    """What to look at, what came true, what moved, the runs, and what later versions publish."""
    show_alerts(ask, read_status(load_settings().published_path))
    show_accuracy(ask)
    show_drift(ask)
    show_runs(ask)
    for table in questions.LATER_TABLES:
        show_later_table(ask, table)


def show_accuracy(ask: Answers) -> None:
    """Forecasts beside the sales that followed."""
    st.subheader("Forecast against actual", anchor=False)
    rows = ask(questions.accuracy, "overall")
    if not rows:
        frame.nothing(
            "No published forecast has come true yet. The first can be judged when a week of "
            "sales after its origin has been landed."
        )
        return
    origins = {f"{row['forecast_origin']}": row for row in reversed(rows)}
    choices.say_unknown("origin", list(origins), "the newest is shown")
    chosen = st.selectbox(
        "Forecast made at the origin", list(origins), key="origin", bind="query-params"
    )
    row = origins[chosen]
    with st.container(horizontal=True):
        st.metric(
            "RMSPE", words.percent(row["rmspe"]), border=True,
            help="Root mean square percentage error over open days with sales.",
        )  # fmt: skip
        st.metric("Bias", words.signed_percent(row["bias"]), border=True)
        st.metric("Inside the 80% range", words.percent(row["coverage_80"]), border=True)
        st.metric("Inside the 95% range", words.percent(row["coverage_95"]), border=True)
    st.caption(
        f"{row['store_days']:,} store-days from {words.long_day(row['first_target_date'])} to "
        f"{words.long_day(row['last_target_date'])}; closed days and days without known sales "
        "are in neither line."
    )
    frame.chart(
        charts.forecast_and_actual(ask(questions.forecast_and_actual, date.fromisoformat(chosen))),
        "Daily sums of forecasts and of sales of the same stores",
    )
    if len(rows) > 1:
        champion = ask(queries.model, ask.info.model_version)
        st.markdown("**All origins**")
        frame.chart(
            charts.error_by_origin(rows, champion["rmspe_median"] if champion else None),
            "RMSPE and bias by origin",
        )
        frame.chart(
            model_charts.coverage(rows, "forecast_origin", lambda day: f"{day:%d %b %Y}"),
            "Share of days inside the ranges by origin",
        )
        st.caption("An origin whose six weeks are not over is judged on the days that are.")


def show_runs(ask: Answers) -> None:
    """What was run, what was published last, and what failed last."""
    st.subheader("Runs", anchor=False)
    status = read_status(load_settings().published_path)
    if status.last_publish is not None:
        st.caption(
            f"Last published: generation `{status.last_publish.generation_id}`, "
            f"{status.last_publish.at:%d %b %Y %H:%M} UTC."
        )
    if status.rollback is not None:
        st.warning(
            f"A person went back to generation `{status.rollback.generation_id}` "
            f"({status.rollback.at:%d %b %Y %H:%M} UTC).",
            icon=":material/history:",
        )
    failed = status.last_failed_run
    if failed is not None and failed.is_resolved:
        st.caption(
            f"Last failed run: {failed.at:%d %b %Y %H:%M} UTC at {failed.step} ({failed.reason}); "
            "a later run went through."
        )
    st.dataframe(
        [
            {
                "Origin": row["forecast_origin"],
                "Kind": row["run_kind"],
                "Finished (UTC)": row["finished_at"],
                "Seconds": row["seconds"],
                "Stores": row["stores"],
                "Left out": row["stores_not_forecast"],
                "Plan by rule": row["assumed_store_days"],
                "Total": row["total_sales_forecast"],
                "Model": row["model_version"],
                "Run": row["run_id"],
            }
            for row in ask(questions.runs)
        ],
        hide_index=True,
        column_config={
            "Origin": _DATE,
            "Finished (UTC)": _MOMENT,
            "Seconds": st.column_config.NumberColumn(format="%.1f"),
            "Total": st.column_config.NumberColumn(format="%,.0f €"),
            "Plan by rule": st.column_config.NumberColumn(
                help="Store-days whose plan was filled by rule."
            ),
        },
    )


def show_later_table(ask: Answers, table: str) -> None:
    """Usage, or that this generation says nothing about it."""
    title, meaning = _TITLES[table]
    st.subheader(title, anchor=False)
    if not ask.columns(table):
        frame.nothing(f"This generation does not record {meaning}.")
        return
    rows = ask(questions.newest_rows, table, _MOST_ROWS)
    if not rows:
        frame.nothing(f"Nothing has been recorded yet of {meaning}.")
        return
    st.caption(f"{meaning[0].upper()}{meaning[1:]}; the newest rows first.")
    st.dataframe(rows, hide_index=True)


if __name__ == "__main__":
    frame.show_page("Monitoring", "What came of the forecasts, and how the product runs.", show)
