"""Show one store's page: past sales, forecast with intervals, weeks, changes and drivers."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import streamlit as st

from app import queries as shared_queries
from app.dashboard import choices, frame, words
from app.dashboard.answers import Answers
from app.dashboard.downloads import asked_later, show_downloads
from app.dashboard.tables import show_table
from app.dashboard.views.forecast import PAGE, charts, queries
from app.dashboard.views.forecast.days import show_days
from app.dashboard.views.forecast.figures import show_figures
from app.queries import Row

HISTORY_DAYS = {"8 weeks": 56, "6 months": 182, "13 months": 396, "all": 100_000}


def show(ask: Answers) -> None:
    """Show controls for store and days, then the store's sales, forecast and details."""
    top = st.container()
    first, second, third = st.columns([2, 3, 3], vertical_alignment="bottom")
    with top:
        store = choices.one_store(ask, first)
    days = choices.days_ahead(second, ask.info.horizon_days)
    with top:
        span = choices.one_of("History", list(HISTORY_DAYS), key="history", place=third)
    if store is None:
        frame.nothing("The published data have no stores.")
        return
    st.caption(f"Store {store['store_id']}: {words.store(store)}")
    history = ask(shared_queries.store_history, store["store_id"], HISTORY_DAYS[span])
    forecast = ask(shared_queries.store_forecast, store["store_id"], ask.info.forecast_origin, days)
    if forecast:
        show_figures(ask, store, forecast)
    else:
        frame.nothing(words.no_forecast(store))
    if history or forecast:
        frame.chart(
            charts.store_chart(history, forecast),
            f"Past sales of store {store['store_id']}, and forecast with 80% and 95% ranges",
        )
    if forecast:
        show_details(ask, store, forecast)


def show_details(ask: Answers, store: Row, forecast: Sequence[Row]) -> None:
    """Show tabs with the forecast by week and by day, its changes and drivers, and downloads.

    ``store`` is a row of table ``stores``; ``forecast`` are the store's rows of
    ``app.queries.store_forecast``, one for each day ahead.
    """
    frame.tabs(
        "tab",
        {
            "By week": lambda: show_weeks(ask, store, forecast),
            "By day": lambda: show_days(ask, store["store_id"], forecast),
            "What changed": lambda: show_revisions(ask, store, len(forecast)),
            "Drivers": lambda: show_drivers(ask, store, forecast),
        },
    )
    origin, days = ask.info.forecast_origin, len(forecast)
    for label, name, store_id in (
        ("Download the days", f"forecast_store_{store['store_id']}", store["store_id"]),
        ("Download all stores", "forecast_all_stores", None),
    ):
        with st.container(horizontal=True):
            rows = asked_later(ask, shared_queries.forecast_days, origin, days, store_id)
            show_downloads(label, rows, f"{name}_{origin}")


def show_weeks(ask: Answers, store: Row, forecast: Sequence[Row]) -> None:
    """Show a store's forecast by calendar week, and mark weeks with fewer than 7 forecast days.

    ``forecast`` has one row for each day ahead. The last week ends with the last of these days.
    """
    rows = ask(queries.weeks, store["store_id"], forecast[-1]["target_date"])
    partial = [row for row in rows if row["days"] < 7]
    if partial:
        first, last = forecast[0]["target_date"], forecast[-1]["target_date"]
        st.caption(
            f"The forecast covers {words.long_day(first)} to {words.long_day(last)}, so "
            f"{'the first and last week are' if len(partial) > 1 else 'one week is'} partial. "
            "Do not compare a partial week with a whole one."
        )
    show_table(
        [
            {
                "Week": words.week(row["week_start"]),
                "Days": f"{row['days']} (partial)" if row["days"] < 7 else "7",
                "Open": row["open_days"],
                "Total": row["sales_unbiased"],
                "80% from": row["lower_80"],
                "80% to": row["upper_80"],
                "Per open day": row["sales_unbiased"] / row["open_days"]
                if row["open_days"]
                else None,
            }
            for row in rows
        ],
        euro=("Total", "80% from", "80% to", "Per open day"),
    )
    st.caption(words.TOTAL_HELP)


def show_revisions(ask: Answers, store: Row, days: int) -> None:
    """Show how a store's forecast for each day changed since the previous forecast origin.

    ``days`` is the number of days after the newest origin that are shown.
    """
    rows = ask(queries.days_of, "forecast_revisions", store["store_id"], days)
    if not rows:
        frame.nothing(
            "No earlier forecast covers these days. After the next weekly run there are two "
            "forecasts to compare."
        )
        return
    before = rows[0]["previous_origin"]
    st.caption(
        f"Change of each day since the forecast of {words.long_day(before)}, which covered days up "
        f"to {words.long_day(rows[-1]['target_date'])}."
    )
    show_causes(ask, store, days)
    frame.chart(charts.revision_chart(rows), "Change of each day's forecast in EUR")
    show_table(
        [
            {
                "Day": words.long_day(row["target_date"]),
                "Before": row["previous_forecast"],
                "Now": row["sales_forecast"],
                "Change": row["change"],
                "Relative": row["change_share"],
            }
            for row in rows
            if row["previous_forecast"] or row["sales_forecast"]
        ],
        euro=("Before", "Now"),
        signed_euro=("Change",),
        share=("Relative",),
    )


def show_drivers(ask: Answers, store: Row, forecast: Sequence[Row]) -> None:
    """Show how drivers move a day's forecast from the typical day; a control selects the day.

    ``forecast`` has one row for each day ahead. Closed days cannot be selected, because they have
    no drivers.
    """
    rows = {
        f"{row['target_date']}": row
        for row in ask(queries.days_of, "forecast_drivers", store["store_id"], len(forecast))
    }
    if not rows:
        frame.nothing("These days have no drivers. Closed days never have drivers.")
        return
    choices.warn_unknown("day", list(rows), "The first open day is shown")
    day = st.selectbox("Day", list(rows), key="day", bind="query-params")
    parts = [(name, rows[day][f"{part}_eur"]) for part, name in words.DRIVERS.items()]
    frame.chart(charts.drivers_chart(parts, "forecast"), f"What makes up the forecast of {day}")
    st.caption(
        "The chart starts with the store's typical day (an ordinary Wednesday without promotion or "
        "holiday) and adds one group of causes after another; *whole chain* is what all stores "
        "share on the day beyond these causes. It explains how the model gets to the forecast. To "
        "see the effect of another plan, use the page *What if*."
    )


def show_causes(ask: Answers, store: Row, days: int) -> None:
    """Show by how much each driver changed a store's forecast since the previous forecast origin.

    Each amount is a mean over open days, like the daily forecasts that it explains. These days are
    the ones among the first ``days`` days after the newest origin that have drivers at both
    origins. Nothing is shown if there is no such day.
    """
    rows = ask(queries.days_of, "forecast_driver_changes", store["store_id"], days)
    if not rows:
        return
    means = {
        name: fmean(row[f"{part}_change_eur"] for row in rows)
        for part, name in words.DRIVERS.items()
    }
    texts = [
        f"{name} {words.signed_euro(value)}"
        for name, value in sorted(means.items(), key=lambda each: -abs(each[1]))
        if abs(value) >= 0.5
    ]
    if texts:
        st.caption(f"Causes of the change, on average per open day: {', '.join(texts)}.")
    if not all(row["is_same_model"] for row in rows):
        st.caption("The model changed too. Each number includes the effect of the new model.")


if __name__ == "__main__":
    frame.show_page(PAGE, show)
