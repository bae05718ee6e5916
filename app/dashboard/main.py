"""The dashboard's page: one store, its sales and its next six weeks.

Run it with ``rossmann dashboard``, or ``streamlit run app/dashboard/main.py``. It reads the
published generation only; what it asks is in :mod:`app.queries`, what it draws in ``charts``.
"""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

from rossmann_ml import process

process.prepare()

import streamlit as st  # noqa: E402 - it reads the switches when it is imported

from app import queries  # noqa: E402
from app.dashboard import charts  # noqa: E402
from app.published import PublishedReader, Reading  # noqa: E402
from rossmann_ml.errors import RossmannError  # noqa: E402
from rossmann_ml.publish import read_status  # noqa: E402
from rossmann_ml.settings import load_settings  # noqa: E402

HISTORY_DAYS = {"8 weeks": 56, "6 months": 182, "13 months": 396, "all": 100_000}
DOWNLOADED = (
    "target_date", "is_open", "is_promo", "state_holiday", "is_school_holiday", "sales_forecast",
    "lower_80", "upper_80", "lower_95", "upper_95", "plan_source", "model_version",
)  # fmt: skip


@st.cache_resource
def reader_of(published_path: Path) -> PublishedReader:
    """One reader for all visitors of this process."""
    return PublishedReader(published_path)


def show_page() -> None:
    """The page, or in plain words why there is none yet."""
    st.set_page_config("Sales forecasts", layout="wide")
    st.html("<style>.stMainBlockContainer {padding-top: 2.5rem}</style>")
    st.title("Sales forecasts", anchor=False)
    try:
        published_path = load_settings().published_path
        with reader_of(published_path).reading() as reading:
            show_cautions(reading, published_path)
            show_store(reading)
            show_provenance(reading)
    except RossmannError as error:
        st.info(f"There is nothing to show yet: {error}", icon=":material/hourglass_empty:")


def show_cautions(reading: Reading, published_path: Path) -> None:
    """What a visitor must know before believing a figure."""
    if reading.info.is_synthetic:
        st.caption(
            ":orange-badge[made-up data] The chain is invented "
            f"(`{reading.info.data_set_name}`); no figure here is a retailer's."
        )
    failed = read_status(published_path).last_failed_run
    if failed is not None and not failed.is_resolved:
        st.warning(
            f"The last run ({failed.at:%d %b %Y %H:%M} UTC) stopped at *{failed.step}*, so these "
            f"are the forecasts from before it. Reason: {failed.reason}",
            icon=":material/warning:",
        )


def choose_store(reading: Reading) -> dict[str, Any]:
    """The visitor's store, kept in the address so that a link leads to it."""
    stores = {row["store_id"]: row for row in queries.stores(reading)}
    asked = st.query_params.get("store", "")
    numbers = list(stores)
    start = numbers.index(int(asked)) if asked.isdecimal() and int(asked) in stores else 0
    chosen = st.selectbox(
        "Store",
        numbers,
        index=start,
        format_func=lambda number: describe_store(stores[number]),
    )
    st.query_params["store"] = str(chosen)
    return stores[chosen]


def describe_store(row: dict[str, Any]) -> str:
    """A store in the list of stores."""
    parts = [f"Store {row['store_id']}", f"type {row['store_type']}"]
    parts += [str(row["state"])] if row["state"] else []
    parts += [] if row["is_forecast"] else ["no forecast"]
    return " · ".join(parts)


def show_store(reading: Reading) -> None:
    """Everything about the chosen store."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        store = choose_store(reading)
    with right:
        span = st.segmented_control("History", list(HISTORY_DAYS), default="8 weeks")
    store_id = store["store_id"]
    history = queries.store_history(reading, store_id, HISTORY_DAYS[span or "8 weeks"])
    forecast = queries.store_forecast(reading, store_id)
    if not forecast:
        reason = store["not_forecast_reason"] or "it was not in the newest run"
        st.info(f"Store {store_id} has no forecast from this origin: {reason}.")
        if not history:
            return
    else:
        show_figures(reading, store_id, forecast)
    st.plotly_chart(charts.store_chart(history, forecast), config={"displaylogo": False})
    if forecast:
        show_tables(reading, store_id, forecast)


def show_figures(reading: Reading, store_id: int, forecast: list[dict[str, Any]]) -> None:
    """The few numbers a planner looks for first."""
    first_week = sum(row["sales_forecast"] for row in forecast[:7])
    total = sum(row["sales_forecast"] for row in forecast)
    change = queries.change_on_last_year(reading, store_id)
    with st.container(horizontal=True):
        st.metric("Next 7 days", f"{first_week:,.0f} €", border=True, height="stretch")
        st.metric(
            f"Next {len(forecast)} days",
            f"{total:,.0f} €",
            None if change is None else f"{change:+.1%} on the same days last year",
            delta_color="off",  # less is not worse: a promotion may fall on other weeks
            border=True,
            height="stretch",
        )
    is_open = sum(row["is_open"] for row in forecast)
    is_promo = sum(bool(row["is_open"] and row["is_promo"]) for row in forecast)
    assumed = sum(row["plan_source"] == "assumed" for row in forecast)
    said = f"{is_open} open days, {is_promo} of them with a promotion."
    said += f" The plan of {assumed} days was filled by rule." if assumed else ""
    st.caption(said)


def show_tables(reading: Reading, store_id: int, forecast: list[dict[str, Any]]) -> None:
    """Weeks, days, and the days to take away."""
    weeks, days = st.tabs(["By week", "By day"])
    weeks.dataframe(
        [
            {
                "Week": f"{row['week_start']:%d %b} to "
                f"{row['week_start'] + timedelta(days=6):%d %b %Y}",
                "Days": row["days"],
                "Sales": row["sales_forecast"],
            }
            for row in queries.store_weeks(reading, store_id)
        ],
        hide_index=True,
        column_config={"Sales": st.column_config.NumberColumn(format="%,.0f €")},
    )
    days.dataframe(
        [
            {
                "Day": f"{row['target_date']:%a %d %b %Y}",
                "Sales": row["sales_forecast"],
                "80% from": row["lower_80"],
                "to": row["upper_80"],
                "Plan": describe_plan(row),
            }
            for row in forecast
        ],
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="%,.0f €")
            for name in ("Sales", "80% from", "to")
        },
    )
    text = io.StringIO()
    writer = csv.DictWriter(text, DOWNLOADED, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(forecast)
    name = f"forecast_store_{store_id}_{reading.info.forecast_origin}.csv"
    st.download_button(
        "Download the days as CSV", text.getvalue(), name, "text/csv", icon=":material/download:"
    )


def describe_plan(row: dict[str, Any]) -> str:
    """The plan of a day in words."""
    words = [] if row["is_open"] else ["closed"]
    words += ["promotion"] if row["is_promo"] else []
    words += (
        [charts.HOLIDAYS[row["state_holiday"]]] if row["state_holiday"] not in {None, "0"} else []
    )
    words += ["school holiday"] if row["is_school_holiday"] else []
    words += ["assumed"] if row["plan_source"] == "assumed" else []
    return ", ".join(words)


def show_provenance(reading: Reading) -> None:
    """What the page was made from."""
    info = reading.info
    champion = queries.model(reading, info.model_version)
    accuracy = f", typical error in the backtest {champion['rmspe_mean']:.1%}" if champion else ""
    st.caption(
        f"Knows sales up to **{info.forecast_origin:%d %b %Y}** · model `{info.model_version}`"
        f"{accuracy} (RMSPE) · published {info.published_at:%d %b %Y %H:%M} UTC · "
        f"generation `{info.generation_id}` · data `{info.data_version}`"
    )


if __name__ == "__main__":
    show_page()
