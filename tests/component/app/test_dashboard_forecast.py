"""The forecast page: one store, its ranges, weeks, changes and drivers."""

from __future__ import annotations

import pytest
from support.dashboard_pages import (
    OpenPage,
    Published,
    metrics_of,
    plant,
    words_of,
)
from support.small_warehouse import STORE_WITHOUT_FORECAST

from app.dashboard.words import plain


def test_the_first_store_is_shown_with_its_main_numbers(open_page: OpenPage) -> None:
    page = open_page()
    assert page.selectbox(key="store").value == "1"
    figures = metrics_of(page)
    # 35 open days: 21 with a promotion of 900 on top of a level of 4,390 to 5,590 by weekday
    assert set(figures) == {
        "Total, next 42 days",
        "Average per open day",
        "Since the last forecast",
        "Typical error of a day",
    }
    assert figures["Since the last forecast"] == "0.0%"
    assert figures["Typical error of a day"] == "11.5%"
    words = words_of(page)
    assert "35 open days" in words
    assert "No plan is known for 2 days; it is assumed by rule" in words
    assert "with actual sales" in words
    assert len(page.get("plotly_chart")) == 1
    weeks = page.dataframe[0].value
    assert list(weeks["Days"]) == ["2 (partial)", "7", "7", "7", "7", "7", "5 (partial)"]
    assert "the first and last week are partial" in words


def test_fewer_days_are_shown_and_are_in_the_address(open_page: OpenPage) -> None:
    page = open_page(days="7", tab="By day")
    # 5,590 on Saturday, nothing on Sunday, 5,490 to 6,290 on five days of promotion, times 1.02
    assert metrics_of(page)["Total, next 7 days"] == "35,741 €"
    assert len(page.dataframe[0].value) == 7
    shown = page.dataframe[0].value["Order for"].to_list()
    assert (shown[0] > 5590, shown[1]) == (True, 0)
    page = page.segmented_control(key="risk").set_value("1 day in 20").run()
    assert page.dataframe[0].value["Order for"][0] > shown[0]
    page = page.slider(key="days").set_value(14).run()
    assert "Total, next 14 days" in metrics_of(page)


def test_another_store_shows_its_forecast_and_is_in_the_address(open_page: OpenPage) -> None:
    page = open_page(days="7")
    page = page.selectbox(key="store").select("4").run()
    assert metrics_of(page)["Total, next 7 days"] == "41,249 €"
    linked = open_page(days="7", store="4")
    assert metrics_of(linked) == metrics_of(page)


@pytest.mark.parametrize("asked", ["4711", "-1", "one"])
def test_a_link_to_no_store_shows_a_warning_and_the_first_store(
    open_page: OpenPage, asked: str
) -> None:
    page = open_page(store=asked)
    assert f"store {plain(asked)}, which does not exist here" in page.warning[0].value
    assert page.selectbox(key="store").value == "1"


def test_a_store_without_a_forecast_shows_the_reason(open_page: OpenPage) -> None:
    page = open_page(store=str(STORE_WITHOUT_FORECAST))
    assert "no plan and no sales in the last 28 days" in page.info[0].value
    assert metrics_of(page) == {}


def test_changes_since_the_previous_forecast_are_shown_by_day(open_page: OpenPage) -> None:
    page = open_page(tab="What changed")
    assert "since the forecast of Fri 24 Jul 2015" in words_of(page)
    assert list(page.dataframe[0].value["Change"]) == [0.0] * len(page.dataframe[0].value)


DRIVERS = ("level", "weekday", "promo", "holidays", "season", "trend", "competition", "bias_factor")


def test_drivers_are_shown_by_day_and_for_the_change(
    open_page: OpenPage, published_generation: Published
) -> None:
    parts = ", ".join(f"10.0 AS {name}_eur" for name in DRIVERS)
    changes = ", ".join(f"1.0 AS {name}_change_eur" for name in DRIVERS)
    warehouse = plant(
        published_generation,
        "DROP TABLE forecast_drivers",
        f"CREATE TABLE forecast_drivers AS SELECT *, {parts} FROM latest_forecasts WHERE is_open",
        "DROP TABLE forecast_driver_changes",
        f"CREATE TABLE forecast_driver_changes AS SELECT *, {changes}, "
        "store_id != 1 AS is_same_model FROM forecast_revisions",
    )
    page = open_page(tab="Drivers", warehouse_dir=warehouse)
    assert len(page.get("plotly_chart")) == 2
    page = page.selectbox(key="day").select("2015-08-03").run()
    changed = words_of(open_page(tab="What changed", warehouse_dir=warehouse))
    assert "typical day +" in changed
    assert "The model changed too" in changed


def test_a_total_shows_its_range_if_there_is_one_for_its_days(open_page: OpenPage) -> None:
    assert "Total: 80% range 31,536 € to 38,544 €" in words_of(open_page(days="7"))
    without = open_page(days="8")
    assert "The total of 8 days has no range" in words_of(without)
    assert metrics_of(without)["Total, next 8 days"] == "41,443 €"
