"""Show a store's next weeks on one page: sales so far, forecast, range, CSV download."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import plotly.graph_objects as go
import polars as pl
import streamlit as st

ORIGIN = date(2025, 3, 30)
STORES = (1, 2, 3, 4, 5)
HISTORY_DAYS = 56
HORIZON_DAYS = 28


def make_days(store: int) -> pl.DataFrame:
    """Return invented days: ``day, is_future, sales, forecast, lower_80, upper_80`` (EUR)."""
    chance = np.random.default_rng(store)
    days = [ORIGIN + timedelta(days=offset) for offset in range(-HISTORY_DAYS, HORIZON_DAYS + 1)]
    shape = np.array([1.2, 1.0, 0.95, 0.95, 1.1, 0.8, 0.0])[[day.weekday() for day in days]]
    forecast = (4000 + 300 * store) * shape
    sales = forecast * np.exp(chance.normal(0, 0.08, len(days)))
    is_future = np.array([day > ORIGIN for day in days])
    return pl.DataFrame(
        {
            "day": days,
            "is_future": is_future,
            "sales": np.where(is_future, np.nan, sales).round(2),
            "forecast": forecast.round(2),
            "lower_80": (forecast * 0.9).round(2),
            "upper_80": (forecast * 1.11).round(2),
        }
    ).with_columns(pl.col("sales").fill_nan(None))


def summary(days: pl.DataFrame, weeks: int) -> str:
    """Return a sentence with the total forecast and the coverage of the range so far."""
    ahead = days.filter(pl.col("is_future")).head(7 * weeks)
    past = days.filter(~pl.col("is_future") & (pl.col("forecast") > 0))
    inside = past.select(pl.col("sales").is_between("lower_80", "upper_80").mean()).item()
    return (
        f"{ahead['forecast'].sum():,.0f} € expected in {7 * weeks} days. In the last "
        f"{HISTORY_DAYS} days the range held on {inside:.0%} of the open days; it should hold "
        "on about 80%."
    )


def chart(days: pl.DataFrame) -> go.Figure:
    """Return the chart of sales so far and of the forecast with its range."""
    ahead = days.filter(pl.col("is_future"))
    figure = go.Figure()
    band = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    figure.add_scatter(x=ahead["day"], y=ahead["upper_80"], showlegend=False, **band)
    figure.add_scatter(
        x=ahead["day"], y=ahead["lower_80"], fill="tonexty", name="80% range", **band
    )
    figure.add_scatter(x=days["day"], y=days["sales"], name="sales")
    figure.add_scatter(x=ahead["day"], y=ahead["forecast"], name="forecast", line={"dash": "dash"})
    figure.update_yaxes(title="EUR a day", rangemode="tozero")
    figure.update_layout(margin={"t": 10, "b": 10}, legend={"orientation": "h"})
    return figure


def chosen_store() -> int:
    """Return the store in the address, or the first one."""
    asked = st.query_params.get("store", "")
    if asked and asked not in map(str, STORES):
        st.warning(f"The address asks for store {asked}; there are {', '.join(map(str, STORES))}.")
    return int(asked) if asked in map(str, STORES) else STORES[0]


def page() -> None:
    """Draw the page."""
    st.set_page_config(page_title="A store's next weeks", page_icon="📈")
    st.title("A store's next weeks")
    first = chosen_store()
    left, right = st.columns(2)
    store = left.selectbox("Store", STORES, index=STORES.index(first))
    weeks = right.slider("Weeks", 1, HORIZON_DAYS // 7, 2)
    st.query_params["store"] = str(store)
    days = make_days(store)
    shown = days.filter(pl.col("day") <= ORIGIN + timedelta(weeks=weeks))
    st.write(summary(days, weeks))
    st.plotly_chart(chart(shown))
    st.caption("Invented figures. Closed on Sundays.")
    st.download_button(
        "Download the days as CSV",
        shown.write_csv(),
        file_name=f"store_{store}_{ORIGIN}.csv",
        mime="text/csv",
    )


page()
