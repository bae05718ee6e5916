"""Show the main figures of one store: its unbiased total, changes, ranges and typical errors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import streamlit as st

from app import queries as shared_queries
from app.dashboard import frame, words
from app.dashboard.answers import Answers
from app.dashboard.views.forecast import queries
from app.queries import Row


def show_figures(ask: Answers, store: Row, forecast: Sequence[Row]) -> None:
    """Show a store's unbiased total with its range, mean per open day, changes and typical error.

    The changes are those of the total: from the sales on the same days of last year (364 days
    earlier; days open in both years), and since the previous forecast origin. The error is the
    RMSPE of a day in the backtest.

    ``store`` is a row of table ``stores``; ``forecast`` are the store's rows of
    ``app.queries.store_forecast``, one for each day ahead.
    """
    store_id, days = store["store_id"], len(forecast)
    (sums,) = (
        row for row in ask(shared_queries.stores_side_by_side, days) if row["store_id"] == store_id
    )
    last_year = sums["change_on_last_year"]
    revisions = ask(queries.days_of, "forecast_revisions", store_id, days)
    error = ask(
        queries.backtest_error, ask.info.model_version, math.ceil(days / 7), store["store_type"]
    )
    with st.container(horizontal=True):
        frame.metric(
            f"Total, next {days} days",
            words.euro(sums["sales_unbiased"]),
            None if last_year is None else f"{words.signed_percent(last_year)} vs. last year",
            help=f"{words.TOTAL_HELP} {words.LAST_YEAR_HELP}",
        )
        frame.metric(
            "Average per open day",
            words.euro(sums["per_open_day"]),
            f"{words.euro(sums['sales_unbiased'] / days)} per calendar day",
            help="The total divided by the number of days.",
        )
        frame.metric(
            "Since the last forecast",
            words.signed_percent(_change(ask, revisions)),
            f"from {revisions[0]['previous_origin']:%d %b}" if revisions else "no earlier one",
            help="Change of the total over the days that both forecasts cover. The date is the "
            "forecast origin: the last day whose sales the earlier forecast used.",
        )
        frame.metric(
            "Typical error of a day",
            words.percent(error["rmspe"]) if error else words.NONE,
            "RMSPE in the backtest",
            help=f"{words.RMSPE_HELP} The backtest repeats the forecast at past dates, with the "
            "data known then, and compares it with the actual sales.",
        )
    open_days = words.count(sums["open_days"], "open day")
    text = f"{open_days}, {sums['promo_days']} of them with a promotion."
    assumed = sum(row["plan_source"] == "assumed" for row in forecast)
    if assumed:
        text += f" No plan is known for {words.count(assumed, 'day')}; it is assumed by rule."
    if resting := words.not_selling(forecast):
        text += f" {resting}"
    if bounds := words.total_range(sums):
        text += f" Total: {bounds}."
    else:
        text += f" The total of {words.count(days, 'day')} has no range."
    if sums["compared_days"]:
        text += f" Compared with last year: {words.count(sums['compared_days'], 'day')}."
    st.caption(f"{text} {_error_text(ask, store, days, error)}", help=words.RANGE_HELP)


def _change(ask: Answers, revisions: Sequence[Row]) -> float | None:
    before = sum(row["previous_forecast"] for row in revisions)
    if not before:
        return None
    now = sum(row["sales_forecast"] for row in revisions)
    # each total is unbiased by the factor of its own origin
    newest = ask(shared_queries.unbiased_factor, ask.info.forecast_origin)
    previous = ask(shared_queries.unbiased_factor, revisions[0]["previous_origin"])
    return float(now * newest / (before * previous)) - 1


def _error_text(ask: Answers, store: Row, days: int, error: Row | None) -> str:
    texts = []
    if error and error["rmspe_type"] is not None:
        texts.append(
            f"In the backtest ({words.count(error['origins'], 'origin')}), the typical error of "
            f"stores of type {store['store_type']} was {words.percent(error['rmspe_type'])}."
        )
    own = ask(queries.own_error, store["store_id"], days, "weekly")
    if own:
        texts.append(
            f"The typical error of this store's published forecasts was "
            f"{words.percent(own['rmspe'])} on {words.count(own['store_days'], 'day')} with actual "
            f"sales; {words.percent(own['coverage_80'], 0)} of these days were inside the 80% "
            "range."
        )
    else:
        texts.append("No day of this store's published forecasts has actual sales yet.")
    later = ask(queries.own_error, store["store_id"], days, "backfill")
    if later:
        texts.append(
            f"Forecasts that were computed later for past origins had an error of "
            f"{words.percent(later['rmspe'])} on {words.count(later['store_days'], 'day')}."
        )
    return " ".join(texts)
