"""The page of the data: how fresh, which checks held, what was set aside, what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.dashboard import choices, frame, words
from app.dashboard.answers import Answers
from app.dashboard.tables import show_table
from app.dashboard.views.quality import PAGE, charts, queries

Row = dict[str, Any]

_MOST_ROWS = 500


def show(ask: Answers) -> None:
    """Freshness, then checks, rows set aside and missing days."""
    show_freshness(ask)
    show_checks(ask)
    show_quarantine(ask)
    show_missing(ask)


def show_freshness(ask: Answers) -> None:
    """How old the newest figures are."""
    fresh = ask(queries.freshness)
    newest, today = fresh["newest_sales"], ask.info.product_today
    if newest is None:
        frame.nothing("No sales have been landed.")
        return
    age = (today - newest).days
    with st.container(horizontal=True):
        frame.metric(
            "Newest sales",
            f"{newest:%d %b %Y}",
            f"{words.count(age, 'day')} before the product's today",
            help=f"The product's today is {today:%d %b %Y}: the wall clock, or for a data set of "
            "the past the Monday after its newest sales.",
        )
        frame.metric(
            "Stores in the newest week",
            f"{fresh['stores_in_newest_week']:,}",
            f"of {words.count(fresh['stores_with_sales'], 'store')} with sales",
        )
        through = fresh["plan_through"]
        frame.metric(
            "Plan known through",
            f"{through:%d %b %Y}" if through else words.NONE,
            f"{words.count((through - newest).days, 'day')} ahead" if through else "no plan",
        )


def show_checks(ask: Answers) -> None:
    """What was checked, over time and in one run."""
    st.subheader("Checks", anchor=False)
    runs = ask(queries.runs)
    if not runs:
        frame.nothing("This generation has no results of checks.")
        return
    newest = runs[-1]
    failed = newest["errors"] + newest["warnings"]
    verdict = (
        f"all {newest['checks']:,} held"
        if not failed
        else f"{words.count(newest['errors'], 'error')} and "
        f"{words.count(newest['warnings'], 'warning')} among {newest['checks']:,}"
    )
    (st.success if not failed else st.warning)(
        f"Newest run ({newest['started_at']:%d %b %Y %H:%M} UTC): {verdict}.",
        icon=":material/check_circle:" if not failed else ":material/warning:",
    )
    if len(runs) > 1:
        frame.chart(charts.checks_over_time(runs), "Checks that held, warned and failed, by run")
    else:
        st.caption("Only one run has been checked so far; the course over time begins with two.")
    show_results(ask, [run["run_id"] for run in reversed(runs)])
    failures = ask(queries.failures, _MOST_ROWS)
    if failures:
        st.markdown("**What did not hold, in all runs**")
        show_table(_table(failures))


def show_results(ask: Answers, run_ids: Sequence[str]) -> None:
    """All results of one run."""
    with st.expander("All results of a run"):
        choices.say_unknown("run", run_ids, "the newest is shown")
        run_id = st.selectbox("Run", run_ids, key="run", bind="query-params")
        show_table(_table(ask(queries.results, run_id)))


def _table(results: Sequence[Row]) -> list[Row]:
    return [
        {
            "Held": row["is_success"],
            "Severity": row["severity"],
            "Suite": row["suite"],
            "Table": row["table_name"],
            "Column": row["column_name"] or "",
            "Check": words.spaced(row["check_name"]),
            "Found": row["observed"] or "",
            "Expected": row["expected"] or "",
            "Rows against": row["rows_unexpected"],
            "When (UTC)": row["checked_at"],
        }
        for row in results
    ]


def show_quarantine(ask: Answers) -> None:
    """Rows that could not be stored, by reason and one by one."""
    st.subheader("Rows set aside", anchor=False)
    reasons = ask(queries.quarantine_reasons)
    if not reasons:
        st.success("Every row of every file could be stored.", icon=":material/check_circle:")
        return
    total = sum(row["rows_set_aside"] for row in reasons)
    st.caption(
        f"{words.count(total, 'row')} could not be stored. The files are kept as they were; "
        "a corrected file that is landed later replaces them."
    )
    show_table(
        [
            {
                "File": row["file_name"],
                "Column": row["column_name"] or "whole row",
                "Rows": row["rows_set_aside"],
                "For example": row["example"],
                "Newest (UTC)": row["newest"],
            }
            for row in reasons
        ]
    )
    with st.expander("The rows"):
        if total > _MOST_ROWS:
            st.caption(f"The newest {_MOST_ROWS:,} of {total:,}.")
        show_table(
            [
                {
                    "File": row["file_name"],
                    "Line": row["line_number"],
                    "Column": row["column_name"] or "whole row",
                    "Reason": row["reason"],
                    "Row": row["row_text"],
                }
                for row in ask(queries.quarantined, _MOST_ROWS)
            ],
        )


def show_missing(ask: Answers) -> None:
    """Days that nobody reported, and stores without a forecast."""
    st.subheader("Missing data", anchor=False)
    months = ask(queries.missing_by_month)
    missing = sum(row["missing_days"] for row in months)
    if missing:
        st.caption(
            f"{words.count(missing, 'store-day')} between a store's first sales and the chain's "
            "newest day have no row in any file. They count as unknown, never as 0."
        )
        frame.chart(charts.missing_by_month(months), "Share of store-days missing, by month")
        with st.expander("Stores with the most missing days"):
            show_table(
                [
                    {
                        "Store": row["store_id"],
                        "Missing days": row["missing_days"],
                        "First": row["first_day"],
                        "Last": row["last_day"],
                    }
                    for row in ask(queries.missing_by_store, _MOST_ROWS)
                ]
            )
    else:
        st.success("No store-day is missing.", icon=":material/check_circle:")
    without = ask(queries.stores_not_forecast)
    if without:
        st.markdown(f"**{words.count(len(without), 'store')} without a forecast**")
        show_table(
            [{"Store": row["store_id"], "Reason": row["reason"]} for row in without],
        )


if __name__ == "__main__":
    frame.show_page(PAGE, show)
