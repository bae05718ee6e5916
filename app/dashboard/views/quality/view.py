"""Show the data quality page: freshness, checks, quarantined rows, filled plan, missing data."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.dashboard import choices, frame, words
from app.dashboard.answers import Answers
from app.dashboard.tables import show_table
from app.dashboard.views.quality import PAGE, charts, queries
from rossmann_ml.base.settings import load_settings

_MOST_ROWS = 500
_FILLED = {
    "is_open": "Openings",
    "is_promo": "Promotions",
    "state_holiday": "Public holidays",
    "is_school_holiday": "School holidays",
}


def show(ask: Answers) -> None:
    """Show freshness, checks, quarantined rows, filled plan and missing data."""
    show_freshness(ask)
    show_checks(ask)
    show_quarantine(ask)
    show_filling(ask)
    show_missing(ask)


def show_freshness(ask: Answers) -> None:
    """Show how old the newest sales are, and how far ahead the plan is known."""
    fresh = ask(queries.freshness)
    newest, today = fresh["newest_sales"], ask.info.product_today
    if newest is None:
        frame.nothing("There are no sales data yet.")
        return
    age = (today - newest).days
    with st.container(horizontal=True):
        frame.metric(
            "Newest sales",
            f"{newest:%d %b %Y}",
            f"{words.count(age, 'day')} before the business date",
            help=f"The business date is {today:%d %b %Y}. It is today, or for historical data the "
            "Monday after the newest sales.",
        )
        frame.metric(
            "Stores in the newest week",
            f"{fresh['stores_in_newest_week']:,}",
            f"of {words.count(fresh['stores_with_sales'], 'store')} with sales",
        )
        through = fresh["plan_through"]
        frame.metric(
            "Plan known up to",
            f"{through:%d %b %Y}" if through else words.NONE,
            f"{words.count((through - newest).days, 'day')} ahead" if through else "no plan",
        )


def show_checks(ask: Answers) -> None:
    """Show the results of data checks, over time and for one chosen run."""
    st.subheader("Checks", anchor=False)
    runs = ask(queries.runs)
    if not runs:
        frame.nothing("The published data have no results of checks.")
        return
    newest = runs[-1]
    failed = newest["errors"] + newest["warnings"]
    verdict = (
        f"all {newest['checks']:,} checks passed"
        if not failed
        else f"{words.count(newest['errors'], 'error')} and "
        f"{words.count(newest['warnings'], 'warning')} in {newest['checks']:,} checks"
    )
    (st.success if not failed else st.warning)(
        f"Newest run ({newest['started_at']:%d %b %Y %H:%M} UTC): {verdict}.",
        icon=":material/check_circle:" if not failed else ":material/warning:",
    )
    if len(runs) > 1:
        frame.chart(charts.checks_over_time(runs), "Passed checks, warnings and errors, by run")
    else:
        st.caption("Only one run has results so far. From the second run on, a chart shows them.")
    show_results(ask, [run["run_id"] for run in reversed(runs)])
    failures = ask(queries.results, None, _MOST_ROWS)
    if failures:
        st.markdown("**Failed checks of all runs**")
        show_table(failures)


def show_results(ask: Answers, run_ids: Sequence[str]) -> None:
    """Show a control that selects a run, its results, and a link to Great Expectations' pages.

    ``run_ids`` are the runs to select from, newest first. The first is selected by default.
    """
    with st.expander("All results of a run"):
        choices.warn_unknown("run", run_ids, "The newest is shown")
        run_id = st.selectbox("Run", run_ids, key="run", bind="query-params")
        show_table(ask(queries.results, run_id))
    if (load_settings().data_docs_path / "index.html").exists():
        st.link_button(
            "Pages of Great Expectations",
            "data_docs/index.html",
            help="The newest runs of each suite, check by check, with examples of unexpected "
            "values.",
            icon=":material/description:",
        )


def show_quarantine(ask: Answers) -> None:
    """Show the numbers of quarantined rows by file and column, and then the rows themselves."""
    st.subheader(
        "Quarantined rows",
        anchor=False,
        help="Rows of the files that were not used, with the reason.",
    )
    reasons = ask(queries.quarantine_reasons)
    if not reasons:
        st.success("No row is quarantined: all rows were used.", icon=":material/check_circle:")
        return
    total = sum(row["Rows"] for row in reasons)
    st.caption(
        f"{words.count(total, 'quarantined row')}. The files are kept unchanged. To repair a row, "
        "deliver a corrected file."
    )
    show_table(reasons)
    with st.expander("All quarantined rows"):
        if total > _MOST_ROWS:
            st.caption(f"Only the newest {_MOST_ROWS:,} of {total:,} rows are shown.")
        show_table(ask(queries.quarantined, _MOST_ROWS))


def show_filling(ask: Answers) -> None:
    """Show how many forecast days have no plan, and how often the rules that fill it were right."""
    st.subheader(
        "Plan filled by rule",
        anchor=False,
        help="Where the retailer's plan has gaps, rules fill them from each store's own past, from "
        "similar stores and from lists of holidays.",
    )
    days = ask(queries.filled_days)
    forecast_days = f"{words.count(days['days'], 'forecast store-day')} (one store on one day)"
    if days["filled"]:
        share = words.percent(days["filled"] / days["days"])
        st.caption(f"Of {forecast_days}, {share} are filled by rule, because they have no plan.")
    else:
        st.caption(f"None of {forecast_days} is filled by rule.")
    found = ask(queries.filling_accuracy)
    if not found:
        frame.nothing("There is no past day yet on which the rules could be compared.")
        return
    st.caption(
        f"Each week the rules fill the plans of past forecast origins (here "
        f"{words.origin(found[0]['first_origin'])} to {words.origin(found[0]['last_origin'])}) as "
        "if none had been delivered. The table says how often they were right. Send a plan where "
        "the share is low."
    )
    show_table(
        [
            {
                "Filled by rule": _FILLED[row["plan_column"]],
                "Right": row["right_share"],
                "Compared store-days": row["store_days"],
            }
            for row in found
        ],
        share=["Right"],
        column_config={"Compared store-days": st.column_config.NumberColumn(format="%,.0f")},
    )


def show_missing(ask: Answers) -> None:
    """Show store-days that no file has a row for, and stores without a forecast."""
    st.subheader("Missing data", anchor=False)
    months = ask(queries.missing_by_month)
    missing = sum(row["missing_days"] for row in months)
    if missing:
        st.caption(
            f"{words.count(missing, 'missing store-day')} (one store on one day): no file has a "
            "row, although the day is after the store's first sales. The sales of such a day count "
            "as unknown, not as 0."
        )
        frame.chart(charts.missing_by_month(months), "Share of missing store-days, by month")
        with st.expander("Stores with the most missing days"):
            show_table(ask(queries.missing_by_store, _MOST_ROWS))
    else:
        st.success("No store-day is missing.", icon=":material/check_circle:")
    without = ask(queries.stores_not_forecast)
    if without:
        st.markdown(f"**{words.count(len(without), 'store')} without a forecast**")
        show_table(without)


if __name__ == "__main__":
    frame.show_page(PAGE, show)
